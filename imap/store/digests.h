/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an import knows by content: which mid holds some bytes, and how often a mailbox held them
 * before this run and was offered them in it. A hash table in memory; one thread.
 */
#ifndef WIREMAP_STORE_DIGESTS_H
#define WIREMAP_STORE_DIGESTS_H

#include <stddef.h>
#include <stdint.h>

/* As the mailbox of an entry that stands for the account as a whole. */
#define DIGESTS_ACCOUNT UINT32_MAX

struct store_digest {
	uint8_t digest[16];
	uint64_t mid; /* of the account's entry: where the bytes lie. 0: the place is free */
	uint32_t mailbox;
	uint32_t before;  /* copies the mailbox held when the run began */
	uint32_t offered; /* copies offered in this run */
	uint32_t reserved;
};

struct store_digests {
	struct store_digest *places;
	size_t room; /* a power of two, or 0 */
	size_t count;
};

/* The first 128 bits of SHA-256. 0 or -ENOMEM. */
int store_digest_make(const void *bytes, size_t len, uint8_t digest_r[16]);

/* The entry for these bytes in that mailbox, made with `mid` if there was none.
 * Good until the next call. NULL: no memory. */
struct store_digest *store_digests_get(struct store_digests *digests, const uint8_t digest[16],
				       uint32_t mailbox, uint64_t mid);
/* NULL: there is none. */
struct store_digest *store_digests_find(const struct store_digests *digests,
					const uint8_t digest[16], uint32_t mailbox);
void store_digests_free(struct store_digests *digests);

#endif
