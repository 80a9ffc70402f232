/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seeded messages for the simulator, and an account that holds them in a store
 * in a temporary directory. The same seed gives the same bytes, so what a client
 * receives can be compared without asking the server.
 */
#ifndef WIREMAP_TESTS_SIM_IMAP_MAIL_H
#define WIREMAP_TESTS_SIM_IMAP_MAIL_H

#include <sys/types.h>

#include "span.h"
#include "store.h"

enum { IMAP_MAIL_MESSAGES = 24, IMAP_MAIL_MESSAGE_BYTES_MAX = 262144 };

struct imap_mail {
	uint8_t *bytes[IMAP_MAIL_MESSAGES]; /* message with UID k + 1 */
	size_t len[IMAP_MAIL_MESSAGES];
	uint8_t account[16];
	char directory[64]; /* the volume, removed by imap_mail_destroy() */
	struct store *store;
};

/* Makes the messages, imports them and opens the store. Exits the program when it cannot. */
void imap_mail_create(struct imap_mail *mail, uint64_t seed);
void imap_mail_destroy(struct imap_mail *mail);
/* Removes the volumes of process `pid`, which has ended without doing so. */
void imap_mail_sweep(pid_t pid);

/* What HEADER.FIELDS of `names` must return: a scan of the message's own lines, by another way
 * than the server's. Returns the bytes written to `out`, which holds the whole header's size. */
size_t imap_mail_fields(struct span message, const char *const *names, unsigned names_n,
			uint8_t *out);

#endif
