"""The WebSocket protocol as the course's own clients, servers and network speak it (RFC 6455, RFC 7692).

It is written without the library that learners use, so that it can send what no library would, and so that a fault of
that library is not taken for right.
"""
