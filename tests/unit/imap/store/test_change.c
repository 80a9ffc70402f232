/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "changes.h"
#include "guard.h"

enum { SEEDS = 2000, RECORDS_MAX = 12, HEADER = sizeof(struct disk_change) };

static struct guard guard;

static int setup(void **state)
{
	*state = store_change_builder_create(FORMAT_CHANGE_BYTES_MAX);
	return *state == NULL;
}

static int teardown(void **state)
{
	store_change_builder_destroy((struct store_change_builder **)state);
	return 0;
}

/* A change with one record of each type. */
static struct span all_types(struct store_change_builder *builder)
{
	changes_begin(builder, 7);
	for (unsigned type = 1; type < FORMAT_CHANGE_TYPES; type++)
		changes_sample(builder, (enum format_change_type)type);
	return changes_finish(builder);
}

static void test_all_types(void **state)
{
	struct span bytes = all_types(*state);
	struct store_change change;
	struct store_change_walk walk;
	struct store_change_record record;

	assert_int_equal(store_change_open(guard_copy(&guard, bytes), &change), STORE_CHANGE_WHOLE);
	assert_int_equal(change.header->records, FORMAT_CHANGE_TYPES - 1);
	assert_int_equal(change.carried, 5);
	walk = store_change_walk(&change);
	for (unsigned type = 1; type < FORMAT_CHANGE_TYPES; type++) {
		assert_true(store_change_next(&walk, &record));
		assert_int_equal(record.head->type, type);
		if (type == FORMAT_MAILBOX_CREATE)
			assert_true(span_eq(record.text, span_of("Work/ä")));
		if (type == FORMAT_ADD)
			assert_int_equal(record.add->zone_min, -90);
		if (type == FORMAT_FLAGS)
			assert_int_equal(record.flags->runs[1].first, 7);
		if (type == FORMAT_ANNOTATION)
			assert_true(span_eq(record.value, span_of("mine")));
	}
	assert_false(store_change_next(&walk, &record));
	assert_false(store_change_next(&walk, &record));
}

static void test_round_trip(void **state)
{
	struct store_change change;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct span bytes = changes_draw(*state, seed, seed, RECORDS_MAX);

		if (store_change_open(guard_copy(&guard, bytes), &change) != STORE_CHANGE_WHOLE)
			fail_msg("seed %lu: %s", (unsigned long)seed, change.fault);
		assert_int_equal(store_change_bytes(&change).len, bytes.len);
		changes_expect(&change, seed, seed, RECORDS_MAX, false);
	}
}

/* The checksum is right again after each: whatever is accepted can be walked to its end. */
static void use(const struct store_change *change)
{
	struct store_change_walk walk = store_change_walk(change);
	struct store_change_record record;
	uint32_t n = 0, sum = 0;

	for (; store_change_next(&walk, &record); n++) {
		for (size_t i = 0; i < record.text.len; i++)
			sum += record.text.ptr[i];
		for (size_t i = 0; i < record.value.len; i++)
			sum += record.value.ptr[i];
	}
	assert_true(n <= change->header->records && sum < UINT32_MAX);
}

static void test_cut(void **state)
{
	struct span bytes = all_types(*state);
	struct store_change change;

	for (size_t cut = 0; cut < bytes.len; cut++) {
		uint8_t *copy = malloc(cut + 1); /* of its own: ASan sees what is read beyond */

		copy = realloc(copy, cut > 0 ? cut : 1);
		memcpy(copy, bytes.ptr, cut);
		assert_int_equal(store_change_open((struct span){copy, cut}, &change),
				 STORE_CHANGE_TORN);
		assert_non_null(change.fault);
		free(copy);
		if (cut % 8 == 0)
			assert_int_equal(
				store_change_open(guard_copy(&guard, span_cut(bytes, 0, cut)),
						  &change),
				STORE_CHANGE_TORN);
	}
}

static void test_flips(void **state)
{
	struct span bytes = all_types(*state);
	uint8_t *copy = guard_room(&guard, bytes.len);
	struct store_change change;
	unsigned whole = 0, refused = 0;

	memcpy(copy, bytes.ptr, bytes.len);
	for (size_t bit = 0; bit < bytes.len * 8; bit++) {
		copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(store_change_open((struct span){copy, bytes.len}, &change),
				 STORE_CHANGE_TORN);
		if (((struct disk_change *)copy)->bytes == bytes.len) {
			changes_sign(copy);
			switch (store_change_open((struct span){copy, bytes.len}, &change)) {
			case STORE_CHANGE_WHOLE:
				use(&change);
				whole++;
				break;
			case STORE_CHANGE_REFUSED:
				refused++;
				break;
			default:
				assert_int_equal(((struct disk_change *)copy)->magic ==
							 FORMAT_MAGIC_CHANGE,
						 false);
			}
		}
		memcpy(copy, bytes.ptr, bytes.len);
	}
	/* Numbers, dates and texts may be others; lengths, types and zeros may not. */
	assert_true(whole > 1000 && refused > 1000);
}

/* --- What is refused, one rule after another --- */

#define AT(type, field) offsetof(struct type, field), sizeof(((struct type *)NULL)->field)

static const struct rule {
	enum format_change_type type; /* of the one record; 0: the header's */
	size_t off, width;
	uint64_t value;
	const char *fault;
} rules[] = {
	{0, AT(disk_change, must_understand), 1, "newer"},
	{0, AT(disk_change, reserved), 1, "newer"},
	{0, AT(disk_change, number), 0, "number"},
	{0, AT(disk_change, modseq), 0, "modseq"},
	{0, AT(disk_change, modseq), UINT64_C(1) << 63, "modseq"},
	{0, AT(disk_change, records), 2, "more or fewer"},
	{0, AT(disk_change, records), 0, "more or fewer"},
	{0, AT(disk_change, records), UINT32_MAX, "more or fewer"},
	{FORMAT_QUOTA, AT(disk_change_head, must_understand), 2, "newer"},
	{FORMAT_QUOTA, AT(disk_change_head, must_understand), 0x8001, "newer"},
	{FORMAT_QUOTA, AT(disk_change_head, type), 0, "newer"},
	{FORMAT_QUOTA, AT(disk_change_head, bytes), 0, "leaves"},
	{FORMAT_QUOTA, AT(disk_change_head, bytes), 4, "leaves"},
	{FORMAT_QUOTA, AT(disk_change_head, bytes), 12, "leaves"},
	{FORMAT_QUOTA, AT(disk_change_head, bytes), 32, "leaves"},
	{FORMAT_QUOTA, AT(disk_change_head, bytes), UINT32_MAX - 7, "leaves"},
	{FORMAT_QUOTA, AT(disk_change_head, bytes), 16, "cut"},
	{FORMAT_MAILBOX_CREATE, AT(disk_mailbox_create, mailbox), 0, "no mailbox"},
	{FORMAT_MAILBOX_CREATE, AT(disk_mailbox_create, attributes), 1 << 10, "newer"},
	{FORMAT_MAILBOX_CREATE, AT(disk_mailbox_create, uidvalidity), 0, "UIDVALIDITY"},
	{FORMAT_MAILBOX_CREATE, AT(disk_mailbox_create, name_bytes), 9, "lengths"},
	{FORMAT_MAILBOX_CREATE, AT(disk_mailbox_create, name_bytes), UINT32_MAX, "lengths"},
	{FORMAT_MAILBOX_CREATE, AT(disk_mailbox_create, name_bytes), 6, "zeros"},
	{FORMAT_MAILBOX_CREATE, AT(disk_mailbox_create, name_bytes), 8, "name"},
	{FORMAT_MAILBOX_CREATE, sizeof(struct disk_mailbox_create), 1, '/', "name"},
	{FORMAT_MAILBOX_CREATE, sizeof(struct disk_mailbox_create), 1, 0xff, "name"},
	{FORMAT_MAILBOX_CREATE, sizeof(struct disk_mailbox_create) + 7, 1, 1, "zeros"},
	{FORMAT_MAILBOX_DELETE, AT(disk_mailbox_delete, reserved), 1, "newer"},
	{FORMAT_MAILBOX_DELETE, AT(disk_mailbox_delete, mailbox), 0, "no mailbox"},
	{FORMAT_MAILBOX_RENAME, AT(disk_mailbox_rename, mailbox), 0, "no mailbox"},
	{FORMAT_MAILBOX_RENAME, AT(disk_mailbox_rename, name_bytes), 0, "lengths"},
	{FORMAT_MAILBOX_RENAME, sizeof(struct disk_mailbox_rename), 1, '\n', "name"},
	{FORMAT_MAILBOX_ATTRIBUTES, AT(disk_mailbox_attributes, attributes), 1u << 31, "newer"},
	{FORMAT_MAILBOX_ATTRIBUTES, AT(disk_mailbox_attributes, mailbox), 0, "no mailbox"},
	{FORMAT_KEYWORD, AT(disk_keyword, bit), 128, "keyword"},
	{FORMAT_KEYWORD, sizeof(struct disk_keyword), 1, ' ', "keyword"},
	{FORMAT_KEYWORD, AT(disk_keyword, name_bytes), UINT16_MAX, "lengths"},
	{FORMAT_MESSAGE, AT(disk_message, mid), 0, "place"},
	{FORMAT_MESSAGE, AT(disk_message, off), 0, "place"},
	{FORMAT_MESSAGE, AT(disk_message, off), 65, "place"},
	{FORMAT_MESSAGE, AT(disk_message, off), UINT32_MAX - 63, "place"},
	{FORMAT_MESSAGE, AT(disk_message, length), UINT64_C(1) << 31, "place"},
	{FORMAT_MESSAGE, AT(disk_message, length), 6, "in part"},
	{FORMAT_MESSAGE, AT(disk_message, carried), 4, "zeros"},
	{FORMAT_MESSAGE, AT(disk_message, carried), 6, "in part"},
	{FORMAT_MESSAGE, AT(disk_message, carried), 0, "lengths"},
	{FORMAT_MESSAGE, AT(disk_message, carried), UINT32_MAX, "lengths"},
	{FORMAT_ADD, AT(disk_add, mailbox), 0, "no mailbox"},
	{FORMAT_ADD, AT(disk_add, uid), 0, "UIDs"},
	{FORMAT_ADD, AT(disk_add, uid), UINT32_MAX, "UIDs"},
	{FORMAT_ADD, AT(disk_add, mid), 0, "no message"},
	{FORMAT_ADD, AT(disk_add, size), UINT64_C(1) << 31, "no message"},
	{FORMAT_ADD, AT(disk_add, system), 32, "newer"},
	{FORMAT_FLAGS, AT(disk_flags, mailbox), 0, "no mailbox"},
	{FORMAT_FLAGS, AT(disk_flags, runs_n), 0, "lengths"},
	{FORMAT_FLAGS, AT(disk_flags, runs_n), 1, "lengths"},
	{FORMAT_FLAGS, AT(disk_flags, runs_n), UINT32_MAX, "lengths"},
	{FORMAT_FLAGS, AT(disk_flags, runs[0].first), 0, "UIDs"},
	{FORMAT_FLAGS, AT(disk_flags, runs[0].first), 5, "UIDs"},
	{FORMAT_FLAGS, AT(disk_flags, runs[0].last), 7, "UIDs"},
	{FORMAT_FLAGS, AT(disk_flags, runs[1].system), 32, "newer"},
	{FORMAT_FLAGS, AT(disk_flags, runs[1].reserved16), 1, "newer"},
	{FORMAT_FLAGS, AT(disk_flags, runs[0].reserved), 1, "newer"},
	{FORMAT_EXPUNGE, AT(disk_expunge, mailbox), 0, "no mailbox"},
	{FORMAT_EXPUNGE, AT(disk_expunge, runs_n), 3, "lengths"},
	{FORMAT_EXPUNGE, AT(disk_expunge, runs[0].first), 0, "UIDs"},
	{FORMAT_EXPUNGE, AT(disk_expunge, runs[1].first), 4, "UIDs"},
	{FORMAT_EXPUNGE, AT(disk_expunge, runs[1].last), 6, "UIDs"},
	{FORMAT_META_PLACE, AT(disk_meta_place, mid), 0, "place"},
	{FORMAT_META_PLACE, AT(disk_meta_place, off), 32, "place"},
	{FORMAT_META_PLACE, AT(disk_meta_place, length), UINT32_MAX, "place"},
	{FORMAT_SEGMENT, AT(disk_segment_begin, kind), 0, "newer"},
	{FORMAT_SEGMENT, AT(disk_segment_begin, kind), 3, "newer"},
	{FORMAT_SEGMENT, AT(disk_segment_begin, capacity), 63, "capacity"},
	{FORMAT_SEGMENT, AT(disk_segment_begin, capacity), (UINT64_C(1) << 32) + 1, "capacity"},
	{FORMAT_ANNOTATION, AT(disk_annotation, exists), 2, "newer"},
	{FORMAT_ANNOTATION, AT(disk_annotation, exists), 0, "too long"},
	{FORMAT_ANNOTATION, AT(disk_annotation, entry_bytes), 8, "lengths"},
	{FORMAT_ANNOTATION, AT(disk_annotation, entry_bytes), UINT32_MAX, "lengths"},
	{FORMAT_ANNOTATION, AT(disk_annotation, value_bytes), 3, "zeros"},
	{FORMAT_ANNOTATION, sizeof(struct disk_annotation), 1, 's', "annotation's name"},
	{FORMAT_ANNOTATION, sizeof(struct disk_annotation) + 1, 1, 'S', "annotation's name"},
	{FORMAT_ANNOTATION, sizeof(struct disk_annotation) + 1, 1, '/', "annotation's name"},
	{FORMAT_ANNOTATION, sizeof(struct disk_annotation) + 2, 1, '*', "annotation's name"},
	{FORMAT_ANNOTATION, sizeof(struct disk_annotation) + 2, 1, 0x80, "annotation's name"},
	{FORMAT_ANNOTATION, sizeof(struct disk_annotation) + 14, 1, '/', "annotation's name"},
};

static void test_refused(void **state)
{
	struct store_change change;

	for (size_t k = 0; k < sizeof(rules) / sizeof(rules[0]); k++) {
		const struct rule *rule = &rules[k];
		struct span bytes;
		uint8_t *copy;

		changes_begin(*state, 1);
		changes_sample(*state, rule->type != 0 ? rule->type : FORMAT_QUOTA);
		bytes = changes_finish(*state);
		copy = guard_room(&guard, bytes.len);
		memcpy(copy, bytes.ptr, bytes.len);
		memcpy(copy + (rule->type != 0 ? HEADER : 0) + rule->off, &rule->value,
		       rule->width);
		changes_sign(copy);
		if (store_change_open((struct span){copy, bytes.len}, &change) !=
			    STORE_CHANGE_REFUSED ||
		    strstr(change.fault, rule->fault) == NULL)
			fail_msg("rule %zu (type %d, %s): %s", k, rule->type, rule->fault,
				 change.fault != NULL ? change.fault : "accepted");
	}
}

static void test_torn_lengths(void **state)
{
	static const uint32_t lengths[] = {0, 72, 84, 112, FORMAT_CHANGE_BYTES_MAX + 8, UINT32_MAX};
	struct store_change change;
	struct span bytes;
	uint8_t *copy;

	changes_begin(*state, 1);
	changes_sample(*state, FORMAT_QUOTA); /* 80 + 24 bytes */
	bytes = changes_finish(*state);
	copy = guard_room(&guard, bytes.len);
	memcpy(copy, bytes.ptr, bytes.len);
	for (size_t k = 0; k < sizeof(lengths) / sizeof(lengths[0]); k++) {
		((struct disk_change *)copy)->bytes = lengths[k];
		assert_int_equal(store_change_open((struct span){copy, bytes.len}, &change),
				 STORE_CHANGE_TORN);
	}
}

/* Rows of one mailbox one after another rise; those of others between them do not matter. */
static void test_uids_of_adds(void **state)
{
	struct disk_add add = {.mailbox = 1, .uid = 5, .mid = 1};
	struct store_change change;
	struct span bytes;
	uint8_t *copy;

	changes_begin(*state, 1);
	store_change_add(*state, &add);
	add.uid = 6;
	store_change_add(*state, &add);
	add.mailbox = 2;
	add.uid = 1;
	store_change_add(*state, &add);
	bytes = changes_finish(*state);
	copy = guard_room(&guard, bytes.len);
	memcpy(copy, bytes.ptr, bytes.len);
	assert_int_equal(store_change_open((struct span){copy, bytes.len}, &change),
			 STORE_CHANGE_WHOLE);
	((struct disk_add *)(copy + HEADER))[1].uid = 5;
	changes_sign(copy);
	assert_int_equal(store_change_open((struct span){copy, bytes.len}, &change),
			 STORE_CHANGE_REFUSED);
	assert_non_null(strstr(change.fault, "UIDs"));
}

/* A change of a quota, of an unknown type in the middle, and of a quota. */
static uint8_t *with_unknown(struct store_change_builder *builder, uint16_t type, uint16_t required,
			     size_t *len_r)
{
	struct span bytes;
	uint8_t *copy;

	changes_begin(builder, 1);
	for (unsigned k = 0; k < 3; k++)
		changes_sample(builder, FORMAT_QUOTA);
	bytes = changes_finish(builder);
	copy = guard_room(&guard, bytes.len);
	memcpy(copy, bytes.ptr, bytes.len);
	((struct disk_quota *)(copy + HEADER))[1].head = (struct disk_change_head){
		.type = type, .must_understand = required, .bytes = sizeof(struct disk_quota)};
	changes_sign(copy);
	*len_r = bytes.len;
	return copy;
}

static void test_unknown_type(void **state)
{
	static const uint16_t types[] = {0, FORMAT_CHANGE_TYPES, 1000, UINT16_MAX};
	struct store_change change;
	struct store_change_walk walk;
	struct store_change_record record;
	struct span stripped;
	size_t len;

	for (size_t k = 0; k < sizeof(types) / sizeof(types[0]); k++) {
		uint8_t *bytes = with_unknown(*state, types[k], FORMAT_TYPE_REQUIRED, &len);

		assert_int_equal(store_change_open((struct span){bytes, len}, &change),
				 STORE_CHANGE_REFUSED);
		assert_non_null(strstr(change.fault, "newer"));
		bytes = with_unknown(*state, types[k], 0x4000, &len);
		assert_int_equal(store_change_open((struct span){bytes, len}, &change),
				 STORE_CHANGE_REFUSED);
		bytes = with_unknown(*state, types[k], 0, &len);
		assert_int_equal(store_change_open((struct span){bytes, len}, &change),
				 STORE_CHANGE_WHOLE);
		walk = store_change_walk(&change);
		for (unsigned n = 0; n < 2; n++) {
			assert_true(store_change_next(&walk, &record));
			assert_int_equal(record.head->type, FORMAT_QUOTA);
		}
		assert_false(store_change_next(&walk, &record));
		/* It is kept for those who know it. */
		assert_int_equal(store_change_strip(&change, *state, &stripped), 0);
		assert_true(span_eq(stripped, (struct span){bytes, len}));
	}
}

/* --- The builder --- */

static void test_runs_join(void **state)
{
	struct disk_flags_run run = {.first = 1, .last = 3, .system = STORE_SEEN};
	struct store_change change;
	struct store_change_walk walk;
	struct store_change_record record;

	changes_begin(*state, 1);
	store_change_flags(*state, 1, &run);
	run.first = run.last = 4; /* touches, and says the same */
	store_change_flags(*state, 1, &run);
	run.first = run.last = 5;
	run.keywords[1] = 1; /* touches */
	store_change_flags(*state, 1, &run);
	run.first = run.last = 7; /* says the same */
	store_change_flags(*state, 1, &run);
	run.first = run.last = 8;
	store_change_flags(*state, 2, &run); /* elsewhere */
	store_change_expunge(*state, 2, 1, 2);
	store_change_expunge(*state, 2, 3, 9);
	store_change_expunge(*state, 2, 11, UINT32_MAX);
	assert_int_equal(store_change_open(changes_finish(*state), &change), STORE_CHANGE_WHOLE);
	walk = store_change_walk(&change);
	assert_true(store_change_next(&walk, &record));
	assert_int_equal(record.flags->runs_n, 3);
	assert_int_equal(record.flags->runs[0].first, 1);
	assert_int_equal(record.flags->runs[0].last, 4);
	assert_int_equal(record.flags->runs[1].first, 5);
	assert_int_equal(record.flags->runs[2].first, 7);
	assert_true(store_change_next(&walk, &record));
	assert_int_equal(record.flags->mailbox, 2);
	assert_true(store_change_next(&walk, &record));
	assert_int_equal(record.expunge->runs_n, 2);
	assert_int_equal(record.expunge->runs[0].last, 9);
	assert_false(store_change_next(&walk, &record));
}

static void test_strip(void **state)
{
	struct store_change_builder *other = store_change_builder_create(1 << 20);
	struct store_change change, again;
	struct span stripped;

	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct span bytes = changes_draw(*state, seed, seed, RECORDS_MAX);

		assert_int_equal(store_change_open(bytes, &change), STORE_CHANGE_WHOLE);
		assert_int_equal(store_change_strip(&change, other, &stripped), 0);
		assert_int_equal(store_change_open(stripped, &again), STORE_CHANGE_WHOLE);
		assert_int_equal(again.carried, 0);
		assert_true(change.carried == 0 || stripped.len < bytes.len);
		assert_true(change.carried != 0 || span_eq(stripped, bytes));
		changes_expect(&again, seed, seed, RECORDS_MAX, true);
	}
	store_change_builder_destroy(&other);
}

static void test_bounded(void **state)
{
	struct store_change_builder *small = store_change_builder_create(HEADER + 2 * 64);
	struct disk_add add = {.mailbox = 1, .mid = 1};
	struct store_change change;
	struct span bytes;

	(void)state;
	for (unsigned n = 1; n <= 4; n++) {
		int status;

		changes_begin(small, n);
		for (add.uid = 1; add.uid <= n; add.uid++)
			store_change_add(small, &add);
		status = store_change_finish(small, &bytes);
		assert_int_equal(status, n <= 2 ? 0 : -E2BIG);
		/* Whatever else is asked of it: it stays as it is until the next begin. */
		if (n > 2) {
			store_change_flags(small, 1, &(struct disk_flags_run){1, 1, {0}, 0, 0, 0});
			assert_int_equal(store_change_finish(small, &bytes), -E2BIG);
		}
	}
	changes_begin(small, 5);
	store_change_add(small, &(struct disk_add){.mailbox = 1, .uid = 1, .mid = 1});
	assert_int_equal(store_change_open(changes_finish(small), &change), STORE_CHANGE_WHOLE);
	store_change_builder_destroy(&small);
	assert_null(small);
}

/* A COPY of a million messages fits; more than the limit does not, and costs no more memory. */
static void test_large(void **state)
{
	struct disk_add add = {.mailbox = 1, .mid = 1};
	struct store_change change;
	struct span bytes;

	changes_begin(*state, 1);
	for (add.uid = 1; add.uid <= 1000000; add.uid++)
		store_change_add(*state, &add);
	bytes = changes_finish(*state);
	assert_int_equal(bytes.len, HEADER + 64000000);
	assert_int_equal(store_change_open(bytes, &change), STORE_CHANGE_WHOLE);
	changes_begin(*state, 2);
	for (add.uid = 1; add.uid <= 1100000; add.uid++)
		store_change_add(*state, &add);
	assert_int_equal(store_change_finish(*state, &bytes), -E2BIG);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_all_types),	 TEST(test_round_trip),	  TEST(test_cut),
		TEST(test_flips),	 TEST(test_refused),	  TEST(test_torn_lengths),
		TEST(test_uids_of_adds), TEST(test_unknown_type), TEST(test_runs_join),
		TEST(test_strip),	 TEST(test_bounded),	  TEST(test_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
