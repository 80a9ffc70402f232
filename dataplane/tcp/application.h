/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TCP's end of include/stream.h: when which callback of a session is called, and what the
 * session may ask of us. Only this file, receive.c and connection.c call sessions.
 */
#ifndef WIREMAP_TCP_APPLICATION_H
#define WIREMAP_TCP_APPLICATION_H

#include "state.h"

extern const struct stream_transport_ops tcp_transport_ops;

/* The connection is established: makes the session. False: the application refused, and the
 * connection was reset. */
bool tcp_application_open(struct tcp *tcp, struct connection *c);
/* The peer's FIN is in order. The session hears of it when all before it was offered. */
void tcp_application_end(struct tcp *tcp, struct connection *c);
/* Our FIN is acknowledged: the session has no more to do with what is left of the connection. */
void tcp_application_closed(struct connection *c);
/* The session's timer. */
void tcp_application_expire(struct tcp *tcp, struct connection *c);
/* The server goes away. */
bool tcp_application_drain(struct tcp *tcp, struct connection *c);

/* The session has something to react to: produce() before the turn ends. */
void tcp_application_want(struct tcp *tcp, struct connection *c);

/* Memory is out: have the connection looked at again in the next turn. */
void tcp_application_starve(struct tcp *tcp, struct connection *c);

#endif
