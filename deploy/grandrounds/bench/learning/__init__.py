"""Does a recipe help every hospital, and more than its rivals? On one machine, without messages.

::

    run ── store           finished trials, one line each
     └─ trial              one world of one seed: every contestant
         ├─ protocols      who learns with whom, who is tested on what
         ├─ world          the members, their models, and how a candidate is trained
         ├─ contestants    the table of all
         │   ├─ recipes        the product's way: write, hold back, let in
         │   ├─ rivals         rows that are no lessons
         │   ├─ ensembles      models asked together
         │   └─ federated      FedAvg and FedProx
         └─ review         who would adopt
    report ── figures      changes, paired by seed and cell
     ├─ table              for people
     └─ plot               one SVG
"""
