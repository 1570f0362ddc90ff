"""What a release tells about patients, measured by attacking it.

::

    run ── runs       the federation again and again: target runs, shadow runs
     │      ├─ features   what an attacker sees of one row beside one release
     │      └─ canaries   rows far from all others, some of them planted
     ├─ shadow        an attack learned on runs of which the attacker knows all
     ├─ crafted       a hostile peer's model, made to ask who is there
     ├─ beacon        another, that asks about one row by the value of its lesson
     ├─ told          one attack over several runs: AUC, interval, chance
     ├─ records       what is said in the end
     └─ table         for people

`grandrounds.privacy` has the figures that a single run can give of itself.
"""
