/* SPDX-License-Identifier: Apache-2.0 */
/* Changes to test with: every type of record by hand, any number of them by chance. */
#ifndef WIREMAP_STORE_TEST_CHANGES_H
#define WIREMAP_STORE_TEST_CHANGES_H

#include "change_build.h"
#include "store.h"

extern const uint8_t changes_account[16];

/* Begins change `number` of changes_account: modseq 1000 + number, op-id and time by number. */
void changes_begin(struct store_change_builder *builder, uint64_t number);
/* Puts one record of that type; always the same. */
void changes_sample(struct store_change_builder *builder, enum format_change_type type);
/* What finish gave; fails the test if that is an error. */
struct span changes_finish(struct store_change_builder *builder);

/* Makes change `number` with up to `records_max` records drawn from the seed. */
struct span changes_draw(struct store_change_builder *builder, uint64_t number, uint64_t seed,
			 unsigned records_max);
/* Fails the test unless this is what changes_draw() made of the same; `stripped`: but for the
 * bytes of messages. */
void changes_expect(const struct store_change *change, uint64_t number, uint64_t seed,
		    unsigned records_max, bool stripped);

/* Makes the checksum right again. */
void changes_sign(uint8_t *change);

#endif
