"""The method of the paper, one file per part, in the order in which the paper presents it.

    ucln                     "Experimental details": features that know the rest of the video
    joint_embedding_eq1_9    "Joint Embedding Space Learning": Eq. 1 to 9
    vertices                 names of the vertices of the graph, and what each one fuses
    graph_fusion_eq10_16     "Graph Fusion Network": Eq. 10 to 16
    fusions_table6           the six other fusion strategies of Table 6
    model                    Figure 1: the parts put together
    updates                  the four updates of a batch
    protocols                epochs, and which parameters are kept

This folder imports `nn` and `errors` alone. Where a function takes ``settings``, any object with
the fields of `argf_np.settings.Settings` will do.

Symbols: a, l, v are the acoustic, language and visual modality; m counts the modalities; B
utterances make a batch; d is the width of the UCLN's output, k the width of the embedding, and N
the number of classes. Arrays have the modality as their first axis: ``x[1]`` is $x_l$.
"""
