/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TCP under test with all it touches: a clock that only the script moves, a wire that keeps
 * what leaves, an application whose every byte is known in advance, and the peers.
 */
#ifndef WIREMAP_TESTS_HOST_H
#define WIREMAP_TESTS_HOST_H

#include "clock.h"
#include "script.h"
#include "tcp.h"

enum {
	HOST_SENT_MAX = 8192,
	HOST_BURST_MAX = 256,
	HOST_PORT = 143,
	HOST_PEER_PORT = 40000,
	HOST_PEER_ISN = 1000,
	HOST_PEER_TIMESTAMP = 100000,
	HOST_WINDOW = 65535,
};

struct session {
	struct stream_session base; /* first */
	struct stream_ref ref;
	uint64_t out_n, out_at; /* bytes to say, bytes said */
	uint64_t allowance;	/* bytes it still takes */
	uint64_t consumed;
	enum stream_state finally; /* its verdict when all is said */
	bool opened, ended, closed, failed;
	bool end_unseen; /* closed or failed, and the script has not spoken of it */
	enum stream_reason reason;
};

/* The other end of one connection, and what numbers mean there. */
struct peer {
	uint8_t addr[16];
	uint16_t port;
	uint32_t isn, our_isn;		   /* what relative sequence numbers count from */
	uint32_t timestamp, our_timestamp; /* likewise */
	uint32_t heard;			   /* our latest timestamp, absolute: what it echoes */
	bool numbered;			   /* our_isn is known */
	bool timestamps, scaling;	   /* its SYN offered them */
	bool timestamps_on, scaling_on;	   /* and ours, too */
	bool stamped;			   /* our_timestamp is known */
	uint8_t shift, our_shift;
	uint32_t window; /* bytes, as it said last */
	struct session session;
};

struct sent { /* as it left, numbers relative, window in bytes */
	struct packet packet;
	unsigned peer;
	uint64_t at_ns;
};

/* What `config` may set. */
struct setup {
	struct tcp_config tcp;
	uint32_t mtu, tso_bytes_max, segments_max;
	uint32_t peer_isn, peer_timestamp;
	uint32_t our_isn, our_timestamp;
	bool our_isn_set, our_timestamp_set;
};

struct host {
	struct clock clock;
	struct tcp_wire wire;
	struct tcp_env env;
	struct stream_app app;
	struct tcp *tcp;
	struct rte_mempool *pool;
	uint64_t start_ns; /* what a trace counts from */
	uint32_t mtu;
	bool refuse;
	struct peer peers[SCRIPT_PEERS];
	struct rte_mbuf *burst[HOST_BURST_MAX];
	unsigned burst_n;
	struct sent *sent;
	unsigned sent_n, sent_at;
	char fault[SCRIPT_ERROR_MAX]; /* what no TCP may do was done: the first time */
	void (*trace)(void *to, const struct host *host, bool out, unsigned peer,
		      const struct packet *packet);
	void *trace_to;
};

void host_defaults(struct setup *setup_r);
/* False: no such name, or no such value. */
bool host_config(struct setup *setup, const char *name, const char *value);

/* 0 or -errno. EAL runs. */
int host_create(const struct setup *setup, struct host **host_r);
/* False: buffers are lost, or a session never heard the end. */
bool host_destroy(struct host **host);

/* A packet of the peer, numbers relative: joins the burst of this turn. */
void host_packet(struct host *host, unsigned peer, const struct packet *packet);
/* An ICMP error that quotes our segment at a relative sequence. False: no such kind. */
bool host_icmp(struct host *host, unsigned peer, const char *kind, uint32_t seq, uint32_t mtu);
/* The burst goes in, timers run, sessions produce. */
void host_deliver(struct host *host);
void host_turn(struct host *host);
/* Time passes to `until_ns`, turn by turn; `stop` (may be NULL) says that it has seen enough. */
void host_pass(struct host *host, uint64_t until_ns, bool (*stop)(const struct host *host));

int host_listen(struct host *host);
int host_connect(struct host *host, unsigned peer);
void host_write(struct host *host, unsigned peer, uint64_t n, enum stream_state finally);
void host_abort(struct host *host, unsigned peer);
void host_read(struct host *host, unsigned peer, uint64_t n);
/* The name of the state the peer's connection is in. */
const char *host_state(struct host *host, unsigned peer);
/* A number of the connection or a counter of the TCP. False: no such name, or no connection. */
bool host_value(struct host *host, unsigned peer, const char *name, uint64_t *value_r);
bool host_counter(const struct host *host, const char *name, uint64_t *value_r);

#endif
