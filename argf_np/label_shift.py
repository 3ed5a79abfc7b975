"""Label shift: predictions for utterances among which the classes have another balance than in training (D14).

Not in the paper. The protocol ``transductive`` uses it: on MOSI 49 % of the training utterances are positive and 62 %
of the test utterances, which a model cannot know, but can suspect from all its predictions together.
"""

import numpy as np

STEPS, TOLERANCE = 1000, 1e-6


def adapt(probabilities, prior):
    r"""Class probabilities with the balance of the classes that they suggest themselves, by expectation-maximisation.

    From $q = \pi$, until no share moves by more than a millionth (Saerens, Latinne and Decaestecker 2002):

    $$ r_{ic} = \frac{p_{ic} q_c / \pi_c}{\sum_{c'} p_{ic'} q_{c'} / \pi_{c'}}, \quad q_c = \frac{1}{n} \sum_i r_{ic} $$

    Arguments: probabilities p (n, N) of all utterances to be predicted, n at least 1; prior $\pi$ (N,), the shares of
    the classes in training, each above 0. Returns r (n, N). No label is read, but each row depends on all others.
    """
    p = np.asarray(probabilities, float)
    q = prior = np.asarray(prior, float)
    for _ in range(STEPS):
        r = p * (q / prior)
        r /= r.sum(axis=1, keepdims=True)
        before, q = q, r.mean(axis=0)
        if np.abs(q - before).max() < TOLERANCE:
            break
    return r.astype(probabilities.dtype)
