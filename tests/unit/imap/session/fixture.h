/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine over a real store in a directory of its own, with mail whose every
 * byte a test can name, behind a fake transport. One user: "user", "pass word".
 */
#ifndef WIREMAP_TESTS_SESSION_FIXTURE_H
#define WIREMAP_TESTS_SESSION_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_transport.h"
#include "session.h"

enum {
	FIXTURE_MESSAGE_BYTES_MAX = 1 << 20,
	FIXTURE_MESSAGES = 40,
	/* Sequence numbers of those with something special; UIDs are the same. */
	FIXTURE_PLAIN = 1,
	FIXTURE_MULTIPART = 2,
	FIXTURE_LARGE = 3,    /* a body of some hundred thousand bytes */
	FIXTURE_HEADERS = 4,  /* long and many header fields */
	FIXTURE_ENCODING = 5, /* a transfer encoding nobody knows */
	FIXTURE_FLAGS = 6,    /* all flags and keywords */
};

struct fixture {
	char directory[64];
	struct store *store;
	struct session_engine *engine;
	struct fake_transport fake;
	struct log log;
	unsigned log_lines;
	enum auth_status unavailable; /* AUTH_UNAVAILABLE: the helper is dead; else 0 */
	unsigned verified;
	uint8_t *messages[FIXTURE_MESSAGES + 1]; /* by sequence number */
	size_t lens[FIXTURE_MESSAGES + 1];
	struct session_config config;
};

extern const uint8_t fixture_account[16];

/* For cmocka: *state becomes a struct fixture whose engine runs. */
int fixture_setup(void **state);
int fixture_teardown(void **state);
/* An engine anew, so that nothing is warm. Connections are closed first. */
void fixture_engine_restart(struct fixture *fixture);

/* Opens connection 0 and takes its greeting. */
void fixture_connect(struct fixture *fixture);
/* And logs in, and selects INBOX. */
void fixture_login(struct fixture *fixture);
void fixture_select(struct fixture *fixture);

/* Sends `text` on connection 0 and runs; what came back, good until the next call. */
const char *fixture_talk(struct fixture *fixture, const char *text);
/* The message with that number. */
struct span fixture_message(const struct fixture *fixture, unsigned number);

#define assert_has(text, part)                                                                     \
	do {                                                                                       \
		if (strstr(text, part) == NULL)                                                    \
			fail_msg("no \"%s\" in:\n%s", part, text);                                 \
	} while (0)
#define assert_lacks(text, part)                                                                   \
	do {                                                                                       \
		if (strstr(text, part) != NULL)                                                    \
			fail_msg("\"%s\" in:\n%s", part, text);                                    \
	} while (0)

#endif
