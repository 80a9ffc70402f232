/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scripted IMAP client for the simulator: an application of stream.h that logs
 * in, pulls every message in several ways and compares each literal with the
 * bytes it must hold. It shares no code with the server's parser or emitter.
 */
#ifndef WIREMAP_TESTS_SIM_IMAP_CLIENT_H
#define WIREMAP_TESTS_SIM_IMAP_CLIENT_H

#include "clock.h"
#include "imap_mail.h"
#include "stream.h"

enum { IMAP_CLIENT_LINE_BYTES_MAX = 8192 };

enum imap_client_state {
	IMAP_CLIENT_RUNNING,
	IMAP_CLIENT_DONE,   /* everything answered and right, LOGOUT said */
	IMAP_CLIENT_FAILED, /* `why` says what was wrong */
	IMAP_CLIENT_LOST,   /* the connection timed out or was reset */
};

struct imap_client {
	struct stream_app app; /* to be given to tcp_connect() */
	struct stream_session session;
	const struct imap_mail *mail;
	const struct clock *clock;
	uint64_t random;
	enum imap_client_state state;
	uint64_t ended_ns;
	char why[256];
	unsigned step; /* of the script */
	char command[512];
	size_t command_len, command_off;
	unsigned rows, rows_wanted;
	char line[IMAP_CLIENT_LINE_BYTES_MAX];
	size_t line_len;
	uint8_t *expected; /* of the literal being read; `expected_len` bytes */
	size_t expected_len, expected_off;
	uint8_t *scratch; /* for answers that are not a part of a message */
	unsigned partial_number, partial_off, partial_len;
};

/* One client of one connection. `seed` decides the partial fetches it makes. */
void imap_client_create(struct imap_client *client, const struct imap_mail *mail,
			const struct clock *clock, uint64_t seed);
/* The connection ended, or was never open. */
void imap_client_lost(struct imap_client *client, enum stream_reason reason);
void imap_client_destroy(struct imap_client *client);

#endif
