"""Measurements of the running bot, beside `peer.py`: the usual recipe in one plain file.

    main_path   CPU and latencies of /suggest, answer, click and post, ours and the peer in turn
    startup     how long `suggest --help` takes
    systems     the two as processes: command, settings, CPU, memory, stopping
    slack       the workspace's side: signed deliveries, response_url and Web API, kept light
    rules       the playground's judgement of what the workspace received
    load        suggestions at a given rate, and what each of them met
    report      medians, ratios, table, JSON
    ranking     what the ranking learns, from real choices and from agents whose tastes are known; its speed
    agents      those agents
    profiled    a module run under cProfile, for the time between two signals

They use `playground` (the model double, the workspace's rules) and start `cli` as a process; nothing imports them.
"""
