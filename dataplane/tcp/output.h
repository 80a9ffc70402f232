/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments out: what may be sent now (RFC 9293 3.8.6, windows and silly windows), and each kind
 * of segment there is.
 */
#ifndef WIREMAP_TCP_OUTPUT_H
#define WIREMAP_TCP_OUTPUT_H

#include "segment.h"

/* Sends what windows allow of what was produced, and the FIN behind it; arms the timers that
 * follow from it. Short of memory or of room on the wire, the connection joins the starved list. */
void tcp_output(struct tcp *tcp, struct connection *c);

/* The same for one segment, however small: the persist timer has run out (RFC 9293 3.8.6.2.1). */
void tcp_output_force(struct tcp *tcp, struct connection *c);

/* How many bytes more the windows take, beyond snd_nxt. */
uint32_t tcp_usable(const struct connection *c);

/* Sends the first unacknowledged segment again, whatever the windows say; at most `most` bytes. */
void tcp_retransmit(struct tcp *tcp, struct connection *c, uint32_t most);

/* One segment beyond the congestion window, to have an answer (RFC 8985 7.3): new data or, if there
 * is none that may be sent, the last segment again. False: nothing was sent. */
bool tcp_output_probe(struct tcp *tcp, struct connection *c, bool *again_r);

/* The SYN, or in SYN_RECEIVED the SYN with ACK; first or again. Arms the timer. */
void tcp_syn_send(struct tcp *tcp, struct connection *c);
/* The answer to a SYN that is forgotten, with what its cookie and its timestamp can keep of it.
 * False: no memory. */
bool tcp_cookie_emit(struct tcp *tcp, const struct tuple *tuple, const struct segment *syn,
		     uint32_t cookie, uint32_t timestamp);
void tcp_ack_send(struct tcp *tcp, struct connection *c);
/* The same, and that these bytes were here before (RFC 2883). */
void tcp_repeat_send(struct tcp *tcp, struct connection *c, const struct sack_block *repeated);
/* At most one in TCP_CHALLENGE_MS (RFC 5961 7); for every segment that is not believed. */
void tcp_challenge_send(struct tcp *tcp, struct connection *c);
/* Without data, one before the window: whoever is there must answer (RFC 9293 3.8.4). */
void tcp_probe_send(struct tcp *tcp, struct connection *c);
void tcp_reset_send(struct tcp *tcp, struct connection *c);

/* A segment of no connection; `options` may be NULL. */
void tcp_bare_send(struct tcp *tcp, const struct tuple *tuple, uint32_t seq, uint32_t ack,
		   uint8_t flags, uint16_t window, const struct options *options);

/* Timestamps of a connection (RFC 7323 3.2, its clock started at a secret place). */
static inline uint32_t tcp_timestamp(const struct tcp *tcp, uint32_t offset)
{
	return tcp->now_ms + offset;
}

/* The window a SYN offers, which has no scale yet. */
static inline uint16_t tcp_syn_window(const struct tcp *tcp)
{
	uint32_t window = tcp->config.receive_bytes_max;

	return window < UINT16_MAX ? (uint16_t)window : UINT16_MAX;
}

/* Largest payload towards `peer` without options. */
uint16_t tcp_path_mss(const struct tcp *tcp, const uint8_t peer[16]);

#endif
