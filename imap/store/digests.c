/* SPDX-License-Identifier: Apache-2.0 */
#include "digests.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

int store_digest_make(const void *bytes, size_t len, uint8_t digest_r[16])
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned digest_len;

	if (EVP_Digest(bytes, len, digest, &digest_len, EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	ASSERT(digest_len == 32);
	memcpy(digest_r, digest, 16);
	return 0;
}

/* Where the entry is, or the free place where it would stand. The table is never full. */
static struct store_digest *place_find(const struct store_digests *digests,
				       const uint8_t digest[16], uint32_t mailbox)
{
	uint64_t hash;

	memcpy(&hash, digest, sizeof(hash)); /* bits of a SHA-256 need no further mixing */
	hash ^= mailbox * UINT64_C(0x9e3779b97f4a7c15);
	for (size_t at = hash & (digests->room - 1);; at = (at + 1) & (digests->room - 1)) {
		struct store_digest *place = &digests->places[at];

		if (place->mid == 0 ||
		    (place->mailbox == mailbox && memcmp(place->digest, digest, 16) == 0))
			return place;
	}
}

static int grow(struct store_digests *digests)
{
	struct store_digests larger = {.room = digests->room == 0 ? 1024 : digests->room * 2};

	larger.places = calloc(larger.room, sizeof(*larger.places));
	if (larger.places == NULL)
		return -ENOMEM;
	for (size_t at = 0; at < digests->room; at++) {
		const struct store_digest *old = &digests->places[at];

		if (old->mid != 0)
			*place_find(&larger, old->digest, old->mailbox) = *old;
	}
	larger.count = digests->count;
	free(digests->places);
	*digests = larger;
	return 0;
}

struct store_digest *store_digests_get(struct store_digests *digests, const uint8_t digest[16],
				       uint32_t mailbox, uint64_t mid)
{
	struct store_digest *place;

	ASSERT(mid != 0);
	if (digests->count * 3 >= digests->room * 2 && grow(digests) != 0)
		return NULL;
	place = place_find(digests, digest, mailbox);
	if (place->mid == 0) {
		memcpy(place->digest, digest, 16);
		place->mid = mid;
		place->mailbox = mailbox;
		digests->count++;
	}
	return place;
}

struct store_digest *store_digests_find(const struct store_digests *digests,
					const uint8_t digest[16], uint32_t mailbox)
{
	struct store_digest *place;

	if (digests->room == 0)
		return NULL;
	place = place_find(digests, digest, mailbox);
	return place->mid != 0 ? place : NULL;
}

void store_digests_free(struct store_digests *digests)
{
	free(digests->places);
	*digests = (struct store_digests){0};
}
