"""What runs at the coordinator: rounds, routing, outcome. It never sees a row.

::

    plan, state     what a run is and how far it has come: data, nothing else
    steps           per phase, the questions to ask and what to make of the answers
    routing         which parcel goes to whom
    spool           where payloads lie meanwhile: on disk
    rounds          the loop over phases; the clock and the sites are passed in
    asking          a phase's questions, put until they are answered or time is over
    checkpoints     what outlives the process
    journal         what happens, line by line, for whoever follows
    database        the file that both lie in
    outcome         what a run amounts to, site by site
    app             the Flower ServerApp; the only module here that knows Flower
"""
