"""The paper's tables and figures, with intervals: ``python -m argf_np.experiments``.

    printed, catalogue                  what the paper prints, and what is trained for each table
    runs, many_runs, isolated, flags    one run, many at the same time, and how commands say so
    statistics                          intervals over seeds and videos
    result_table, figures_5_and_6       from finished runs to tables and pictures
    complexity_table4                   parameters and operations, where nothing is trained
    claims                              each claim of the paper beside what is found
    search_report                       what a random search (`argf_np.search`) gives
    markdown                            headings, grids and intervals as text
"""
