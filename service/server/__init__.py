"""From settings to processes that listen, answer, are replaced and stop.

serve.py         the socket, and one process or several
supervisor.py    the first of several: it starts, replaces and ends the workers
worker.py        one process that answers, by uvicorn
protocol.py, head.py   HTTP/1.1 with limits for heads and for clients that take no answer
memory.py        memory given back to the system

It knows the app by its name alone; nothing but the command line imports from here.
"""
