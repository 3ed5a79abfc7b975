"""Facts about the three data sets of the paper, whichever file they come in."""

from dataclasses import dataclass

# The paper's split of MOSI: each video and its number of utterances.
_MOSI_SPLIT = {
    "train": """
    zhpQhgha_KU 35  lXPQBPVc5Cw 30  2iD-tVS8NPw 30  BioHAh1qJAQ 30  Qr1Ca94K55A 14  _dI--eQ6qVU 28
    8qrpnFRGt2A 26  ZAIRrfG22O0 9  nzpVDcQ0ywM 24  IumbAb8q2dM 22  etzxEpPuc6I 19  QN9ZIUWUXsY 18
    9T9Hf74oK10 25  7JsX8y1ysxY 39  d6hH302o4v8 43  k5Y_838nuGo 31  pLTX3ipuDJI 16  c5xsKMxpXnc 15
    Oz06ZWiO20M 25  atnd_PF-Lbs 21  yvsjCA6Y5Fc 23  tIrG4oNLFzE 18  jUzDDGyPkXU 27  dq3Nf_lMPnE 15
    TvyZBvOMOTc 15  X3j2zQgwYgE 11  wMbj6ajWbic 30  W8NXH0Djyww 32  8OtFthrtaJM 23  nbWiPyCm4g0 10
    rnaNMUZpvvg 22  PZ-lDQFboO8 12  phBUpBr1hSo 21  1DmNV9C1hbY 14  cXypl4FnoZo 29  yDtzw_Y-7RU 24
    v0zCBqDeKcE 16  aiEXnCPZubE 30  9qR7uwkblbs 33  G6GlGvlkxAQ 29  6_0THN4chvY 14  d3_k5Xpfmik 19
    WKA5OygbEKI 22  f_pcplsH_V0 15  BvYR0L6f2Ig 26  5W7Z1C_fDaE 24  VbQk4H8hgr0 55  fvVhgmXxadc 14
    MLal-t_vJPM 18
    """,
    "validation": """
    bvLlb-M3UXU 25  LSi-o-IrDMs 29  bOL9jKpeJRs 34  ob23OKe5a9Q 14  6Egk_28TtTM 12  POKffnXeBds 13
    73jzhE8R1TQ 19  OtBXNcAL_lE 24  HEsqda8_d0Q 34  f9O3YtZ2VfI 30  c7UH_rxdZv4 33  VCslbP0mgZI 17
    Bfr499ggo-0 22
    """,
    "test": """
    tmZoasNr4rU 20  8d-gEyoeBzc 30  iiK8YX8oH1E 18  Ci-AH39fi3Y 44  cW1FSBF59ik 24  BI97DNYfe5I 31
    1iG0909rllw 30  G-xst2euQUc 21  Iu2PFX3z_1s 16  Nzq88NnDkEk 32  Clx4VXItLTE 31  Af8D0E4ZXaw 31
    Sqr0AcuoNnk 22  Vj1wYRQjB-o 9  GWuJjcEuzt8 18  9J25DZhivz8 25  cM3Yna7AavY 16  OQvJTdtJ2H4 16
    I5y0__X72p0 39  vyB00TXsimI 22  ZUXBRvtny7o 34  Njd1F0vZSm4 13  03bSnISJMiM 13  Dg_0XKD0Mf4 18
    9c67fiY0wGQ 12  tStelxIAHjw 16  BXuRRbG0Ugk 31  Jkswaaud0hk 20  2WGyTLYerpo 63  0h-zjBukYpk 25
    vvZ4IcEtiZc 12
    """,
}
MOSI_VIDEOS = {}
for _split, _text in _MOSI_SPLIT.items():
    _words = _text.split()
    MOSI_VIDEOS[_split] = dict(zip(_words[::2], map(int, _words[1::2]), strict=True))

# Where its features are published, what to cite for them, and the SHA-256 of each file.
MOSI_URL = ("https://raw.githubusercontent.com/SenticNet/sc-lstm/"
            "2e999018b7a4d0a96ea7a37bfcf45183dc7c3181/data/")
MOSI_ORIGIN = """\
CMU-MOSI features from the public repository SenticNet/sc-lstm, commit 2e99901, folder data/.
Cite: Zadeh et al. (2016), "MOSI: Multimodal Corpus of Sentiment Intensity and Subjectivity Analysis
      in Online Opinion Videos", for the data; Poria et al. (2017), "Context-Dependent Sentiment
      Analysis in User-Generated Videos", for the features.
Licence: the repository names none. The rights are with the owners of the data and of the features,
      so ask them."""
_MOSI_SHA256 = """
e7689e6d70720addd2a6b316419d245a68839c32b014ff426c406063ee777466  transcripts.csv
73770b6302ad0f7a51f4eddcae6788efde4d0b6802e09f78249d5b538d1c1d67  text_train.csv
f3b735070bf07ceff7a6ef6c8f4c32757e988de484e35bd6d38b2aecef851a59  text_test.csv
cc327045db6cc361a08b4037b97bb24de4ddb5efb381468c4835cc4a60674668  text/text_train0.csv
a343e22272919d1384c2075dbcdd5fef5aa9f9366b0552a83f7c3147b64b047a  text/text_test0.csv
5435398a54664e7b00304587dc59ae84a438852be033c2a2fba779588624a2a1  audio/audio_train0.csv
ddd17eeefd3d951d51d4e2ef8a0d132652d8161e1886f71eb7262b7a14bffff6  audio/audio_test0.csv
b6efc0413132d627efd06f67f1706830e775e90af9a75696f535c48dbc73f12f  video/video_train0.csv
cab836253d81100f59d533fa2ff65cd53c486be3ec9fd82203c5e25a7a77265f  video/video_test0.csv
"""
MOSI_FILES = dict(line.split()[::-1] for line in _MOSI_SHA256.strip().splitlines())


@dataclass(frozen=True)
class Published:
    """Facts about a data set; triples are for training, validation and test."""

    classes: tuple[str, ...]
    videos: tuple[int, int, int]
    utterances: tuple[int, int, int]  # as the paper counts them
    balance: tuple[tuple[int, ...], ...]  # utterances of each class
    widths: dict[str, int]
    files: tuple[str, ...]  # patterns for the names of its pickles; the first found is read


# Of the classes of MOSEI and IEMOCAP, only the sums over training and validation are known, and of
# the classes of MOSEI's test utterances nothing.
_MOSEI_BALANCE = (4709, 3502, 7977)
_IEMOCAP_BALANCE = (504, 839, 1324, 933, 742, 1468)

DATASETS = {
    "mosi": Published(
        classes=("negative", "positive"),
        videos=(49, 13, 31),
        utterances=(1141, 306, 752),
        balance=((575, 566), (163, 143), (285, 467)),
        widths={"a": 73, "l": 100, "v": 100},
        files=("text_2way.pickle", "text.pickle", "unimodal_mosi_*way.pickle",
               "aligned_50.pkl", "unaligned_50.pkl"),
    ),
    "mosei": Published(
        classes=("negative", "neutral", "positive"),
        videos=(1800, 450, 678),
        utterances=(13168, 3020, 4614),
        balance=(_MOSEI_BALANCE, _MOSEI_BALANCE, _MOSEI_BALANCE),
        widths={"a": 74, "l": 300, "v": 35},
        files=("text_3way.pickle", "unimodal_mosei_*way.pickle",
               "aligned_50.pkl", "unaligned_50.pkl"),
    ),
    "iemocap": Published(  # D17
        classes=("happy", "sad", "neutral", "angry", "excited", "frustrated"),
        videos=(96, 24, 31),
        utterances=(4674, 1136, 1623),
        balance=(_IEMOCAP_BALANCE, _IEMOCAP_BALANCE, (144, 245, 384, 170, 299, 381)),
        widths={"a": 100, "l": 100, "v": 512},
        files=("IEMOCAP_features_raw.pkl", "unimodal_iemocap_*way.pickle"),
    ),
}


# Tables 1 to 3: average accuracy and F1 of ARGF in percent, by data set and target modality.
PAPER = {
    ("mosi", "l"): (81.38, 81.52), ("mosi", "a"): (81.25, 81.32), ("mosi", "v"): (81.12, 81.25),
    ("iemocap", "l"): (60.69, 59.53), ("iemocap", "a"): (60.20, 59.75),
    ("iemocap", "v"): (60.20, 59.81),
    ("mosei", "l"): (60.88, 58.92), ("mosei", "a"): (60.55, 59.52), ("mosei", "v"): (60.88, 58.66),
}


def of_the_paper(name, settings):
    """The paper's accuracy and F1 of ARGF in percent; None where it prints none.

    - name: of a data set of the paper; any other name, "" and None have no figures.
    - settings: a `Settings`. Other models, parts of ARGF and fewer modalities have no figures here.
    """
    is_whole = (settings.model, settings.fusion, settings.without) == ("argf", "gfn", "nothing")
    has_all_three = {*settings.modality_list} == {*"alv"}
    return PAPER.get((name, settings.target)) if is_whole and has_all_three else None
