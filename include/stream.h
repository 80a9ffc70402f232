/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract between a transport (dataplane) and an application (imap): bytes
 * in; spans out; writable; closed. Neither side includes anything of the other.
 * All calls happen on the one core that owns the connection; none may block,
 * make a system call or allocate from the system.
 *
 * In: the transport offers received bytes with consume(); the application says
 * how many it took. What it did not take the transport compacts into a small
 * buffer (it does not pin mbufs for it) and offers again, from the first untaken
 * byte, when more arrives and each time produce() has returned STREAM_DONE.
 * Flow control towards the peer follows: untaken bytes close the window.
 *
 * Out: output is pulled. When window and packet memory allow, the transport calls
 * produce(); the application writes into `out` until it has no more to say or the
 * budget is spent. Spans given to stream_put() are borrowed for that call only:
 * they are copied (or sealed) before it returns.
 *
 * Order of calls: open, then any mix of consume/produce/expire/drain/end, then
 * closed exactly once. After consume(), expire(), drain(), end() or a wake the
 * transport always calls produce() before the loop turn ends or as soon as the
 * window opens. It never calls one of them from inside another.
 */
#ifndef WIREMAP_STREAM_H
#define WIREMAP_STREAM_H

#include "span.h"

enum stream_limits {
	/* What stream_reserve() may ask for at most: a FETCH row's fixed text fits. */
	STREAM_RESERVE_BYTES_MAX = 2048,
	/* Every produce() call may write at least this many bytes, or is not made. Two
	 * reserves of the largest size fit, so no row can starve. */
	STREAM_BUDGET_BYTES_MIN = 4096,
	/* Unsent bytes kept for a connection: one TLS record (RFC 8446 section 5.1). */
	STREAM_UNSENT_BYTES_MAX = 16384,
};

/* Names a connection for ever: a reused index gets a new generation. */
struct stream_ref {
	uint32_t index;
	uint32_t generation;
};

/* Addresses are 16 bytes; IPv4 is written as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2). Ports
 * are in host order. */
struct stream_info {
	uint8_t peer_addr[16];
	uint8_t local_addr[16];
	uint16_t peer_port;
	uint16_t local_port;
	bool tls;	      /* the bytes travel under TLS now */
	struct span tls_sni;  /* empty without TLS; borrowed for the call */
	struct span tls_name; /* identity of a verified client certificate, or empty */
};

enum stream_state {
	STREAM_MORE,  /* has more to say: call again when there is room; writing nothing is legal */
	STREAM_DONE,  /* nothing to say until consume, expire, drain or a wake */
	STREAM_WAIT,  /* an answer from elsewhere is awaited: call again after the wake */
	STREAM_CLOSE, /* close in an orderly way once everything written is acknowledged */
};

struct stream_verdict {
	enum stream_state state;
	uint32_t ticket; /* with STREAM_WAIT: opaque to the transport, for logs and tests */
};

struct stream_budget {
	uint32_t bytes; /* at most this many bytes may be written; out enforces it */
	uint32_t items; /* at most this many messages, mailboxes or other rows */
	uint32_t ns;	/* and about this much time, by the core's clock */
};

struct stream_out;

/* Makes out->cur..out->end hold at least `n` bytes, or returns false and changes nothing. */
typedef bool stream_room(struct stream_out *out, size_t n);

/*
 * Where produce() writes: free room in the transport's packet memory. The
 * transport fills it in before the call and takes what lies before `cur` after it.
 */
struct stream_out {
	uint8_t *cur;
	uint8_t *end;
	uint32_t left; /* budget not yet given out as room, bytes beyond `end` */
	stream_room *room;
	uint8_t *start; /* the transport's: where this stretch of room began */
};

/*
 * Room for `n` <= STREAM_RESERVE_BYTES_MAX bytes in one run, or NULL when the
 * budget or packet memory is spent: return STREAM_MORE and come back. The first
 * reserve of a produce() call always succeeds. Write there, then
 * stream_commit() what was written.
 */
static inline uint8_t *stream_reserve(struct stream_out *out, size_t n)
{
	if ((size_t)(out->end - out->cur) >= n || out->room(out, n))
		return out->cur;
	return NULL;
}

static inline void stream_commit(struct stream_out *out, size_t n)
{
	out->cur += n;
}

/* Copies as much of `s` as there is budget for. Returns the bytes taken, 0 to s.len. */
static inline size_t stream_put(struct stream_out *out, struct span s)
{
	size_t taken = 0;

	while (taken < s.len) {
		size_t n = (size_t)(out->end - out->cur);

		if (n == 0) {
			if (!out->room(out, 1))
				break;
			n = (size_t)(out->end - out->cur);
		}
		if (n > s.len - taken)
			n = s.len - taken;
		memcpy(out->cur, s.ptr + taken, n);
		out->cur += n;
		taken += n;
	}
	return taken;
}

enum stream_reason {
	STREAM_CLOSED,	/* orderly, both sides, or after our STREAM_CLOSE */
	STREAM_RESET,	/* the peer sent RST */
	STREAM_TIMEOUT, /* retransmissions, probes or keepalives ran out */
	STREAM_ABORTED, /* by us: stream_transport abort, or shutdown */
	STREAM_REFUSED, /* an active open was answered with RST */
};

/* The application's part of a connection; embedded at the start of its own struct. */
struct stream_session {
	const struct stream_app_ops *ops;
};

/* The application on one core; embedded likewise. */
struct stream_app {
	const struct stream_app_ops *ops;
};

/* What a transport offers to the applications of its core. Embedded by the transport. */
struct stream_transport {
	const struct stream_transport_ops *ops;
};

struct stream_app_ops {
	/* A connection is established. 0 and *session_r, or -errno: the transport resets it. */
	int (*open)(struct stream_app *app, struct stream_transport *transport,
		    struct stream_ref ref, const struct stream_info *info,
		    struct stream_session **session_r);
	/* Offers `in_n` spans in stream order, borrowed for the call. Returns bytes taken. */
	size_t (*consume)(struct stream_session *session, const struct span *in, unsigned in_n);
	struct stream_verdict (*produce)(struct stream_session *session, struct stream_out *out,
					 const struct stream_budget *budget);
	/* The session timer fired. */
	void (*expire)(struct stream_session *session);
	/* The server is going away: say so and close at a convenient moment. */
	void (*drain)(struct stream_session *session);
	/* The peer will send no more; everything it sent was offered. */
	void (*end)(struct stream_session *session);
	/* The connection is gone. The application frees its session and clears the pointer. */
	void (*closed)(struct stream_session **session, enum stream_reason reason);
};

struct stream_transport_ops {
	/* Have produce() called in this loop turn or the next. An old ref is ignored. */
	void (*wake)(struct stream_transport *transport, struct stream_ref ref);
	/* One session timer per connection: expire() in `ms` milliseconds, 0 disarms. */
	void (*timer)(struct stream_transport *transport, struct stream_ref ref, uint32_t ms);
	/* Reset the connection now; closed() follows in this turn or the next. */
	void (*abort)(struct stream_transport *transport, struct stream_ref ref);
	/* The session, or NULL when `ref` is of a connection that is gone. */
	struct stream_session *(*find)(struct stream_transport *transport, struct stream_ref ref);
};

#endif
