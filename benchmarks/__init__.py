"""Measurements of the running bot, beside `peer`: the usual recipe in one plain file.

They use `playground` (the model double, the rules on payloads) and start `cli` as a process; nothing imports them.

Main path, ours and the peer's:
    main_path         CPU and latencies of /suggest, answer, click and post
    sustained_load    the highest rate that a system carries
    log_growth        the main path on a short and on a long log
    startup           the time of `suggest --help`
Features:
    exports           exports and imports of a long log
    report_command    `suggest report` on a long log
    modal_latency     how soon drafts appear in a thread's modal
    page              the demo's page in a browser, and its pictures
    batch             `suggest batch` beside LangChain's plain `.abatch`; memory with many rows
    privacy           precision, recall and cost of finding personal data
    ranking           what ranking learns, how well and how fast
    learned_order     true propensities, the lag of the event loop while it learns
    experiments       false verdicts of experiments looked at often, and how soon true ones are found
    closed_loop       regret, openings of the gate and flapping, beside uniform order and a bandit
Parts:
    load              suggestions at a given rate, each with its trace
    systems           the systems under test as processes
    slack_server      Slack's side: signed deliveries, response_url and Web API, kept light
    payload_checks    Slack's rules on the received payloads
    summary           medians, ratios, table, JSON
    profiler          a module under cProfile, between two signals
    synthetic_log     an invented choice log of any size
    simulated_agents  invented agents with known tastes
    peer              the usual recipe
    batch_peer        the usual recipe for many texts
"""
