/* SPDX-License-Identifier: Apache-2.0 */
#include "changes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>

#include "crc32c.h"
#include "sim/random.h"

enum { RUNS_MAX = 6, VALUE_BYTES_MAX = 300 };

const uint8_t changes_account[16] = {0xab, 0xcd, 0x01, 0x02, 0x03, 0x04, 0x45, 0x06,
				     0x87, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e};

void changes_begin(struct store_change_builder *builder, uint64_t number)
{
	struct store_change_origin origin = {
		.number = number,
		.modseq = 1000 + number,
		.op = {(uint8_t)number, 1, 2, 3},
		.time_us = 1700000000000000 + (int64_t)number,
	};

	memcpy(origin.account, changes_account, sizeof(origin.account));
	store_change_begin(builder, &origin);
}

struct span changes_finish(struct store_change_builder *builder)
{
	struct span bytes;

	assert_int_equal(store_change_finish(builder, &bytes), 0);
	return bytes;
}

void changes_sign(uint8_t *change)
{
	struct disk_change *header = (struct disk_change *)change;
	uint32_t crc = store_crc32c(0, header, offsetof(struct disk_change, crc));

	header->crc = store_crc32c(crc, header + 1, header->bytes - sizeof(*header));
}

/* --- A record as it is meant --- */

struct drawn {
	enum format_change_type type;
	union {
		struct disk_mailbox_create create;
		struct disk_mailbox_delete delete;
		struct disk_mailbox_rename rename;
		struct disk_mailbox_attributes attributes;
		struct disk_keyword keyword;
		struct disk_message message;
		struct disk_add add;
		struct disk_meta_place meta_place;
		struct disk_annotation annotation;
		struct disk_quota quota;
		struct disk_segment_begin segment;
	};
	uint32_t mailbox; /* of the runs */
	unsigned runs_n;
	struct disk_flags_run flags[RUNS_MAX];
	struct disk_uid_run uids[RUNS_MAX];
	char text[64];
	uint8_t value[VALUE_BYTES_MAX];
	size_t value_bytes;
};

static struct span text_of(const struct drawn *drawn)
{
	return span_of(drawn->text);
}

static struct span value_of(const struct drawn *drawn)
{
	return (struct span){drawn->value, drawn->value_bytes};
}

static void put_runs(struct store_change_builder *builder, const struct drawn *drawn)
{
	for (unsigned k = 0; k < drawn->runs_n; k++)
		if (drawn->type == FORMAT_FLAGS)
			store_change_flags(builder, drawn->mailbox, &drawn->flags[k]);
		else
			store_change_expunge(builder, drawn->mailbox, drawn->uids[k].first,
					     drawn->uids[k].last);
}

static void put(struct store_change_builder *builder, const struct drawn *drawn)
{
	struct span text = text_of(drawn), value = value_of(drawn);

	switch (drawn->type) {
	case FORMAT_MAILBOX_CREATE:
		store_change_mailbox_create(builder, &drawn->create, text);
		break;
	case FORMAT_MAILBOX_DELETE:
		store_change_mailbox_delete(builder, drawn->delete.mailbox);
		break;
	case FORMAT_MAILBOX_RENAME:
		store_change_mailbox_rename(builder, drawn->rename.mailbox, text);
		break;
	case FORMAT_MAILBOX_ATTRIBUTES:
		store_change_mailbox_attributes(builder, drawn->attributes.mailbox,
						drawn->attributes.attributes);
		break;
	case FORMAT_KEYWORD:
		store_change_keyword(builder, drawn->keyword.mailbox, drawn->keyword.bit, text);
		break;
	case FORMAT_MESSAGE:
		store_change_message(builder, &drawn->message, value);
		break;
	case FORMAT_ADD:
		store_change_add(builder, &drawn->add);
		break;
	case FORMAT_META_PLACE:
		store_change_meta_place(builder, &drawn->meta_place);
		break;
	case FORMAT_ANNOTATION:
		store_change_annotation(builder, drawn->annotation.mailbox, text,
					drawn->annotation.exists ? &value : NULL);
		break;
	case FORMAT_QUOTA:
		store_change_quota(builder, drawn->quota.bytes_max, drawn->quota.messages_max);
		break;
	case FORMAT_SEGMENT:
		store_change_segment(builder, (enum format_kind)drawn->segment.kind,
				     drawn->segment.number, drawn->segment.capacity);
		break;
	default:
		put_runs(builder, drawn);
	}
}

/* Of each struct: what the caller gave, byte for byte, between the head and its counts of bytes. */
static const struct {
	size_t from, to;
} given[FORMAT_CHANGE_TYPES] = {
	[FORMAT_MAILBOX_CREATE] = {8, offsetof(struct disk_mailbox_create, name_bytes)},
	[FORMAT_MAILBOX_DELETE] = {8, sizeof(struct disk_mailbox_delete)},
	[FORMAT_MAILBOX_RENAME] = {8, offsetof(struct disk_mailbox_rename, name_bytes)},
	[FORMAT_MAILBOX_ATTRIBUTES] = {8, sizeof(struct disk_mailbox_attributes)},
	[FORMAT_KEYWORD] = {8, offsetof(struct disk_keyword, name_bytes)},
	[FORMAT_MESSAGE] = {8, offsetof(struct disk_message, carried)},
	[FORMAT_ADD] = {8, sizeof(struct disk_add)},
	[FORMAT_META_PLACE] = {8, sizeof(struct disk_meta_place)},
	[FORMAT_ANNOTATION] = {8, offsetof(struct disk_annotation, entry_bytes)},
	[FORMAT_QUOTA] = {8, sizeof(struct disk_quota)},
	[FORMAT_SEGMENT] = {8, sizeof(struct disk_segment_begin)},
};

static void expect(const struct store_change_record *record, const struct drawn *drawn,
		   bool stripped)
{
	const uint8_t *is = (const uint8_t *)record->head, *meant = (const uint8_t *)&drawn->create;
	struct span value = value_of(drawn);

	assert_int_equal(record->head->type, drawn->type);
	if (drawn->type == FORMAT_FLAGS) {
		assert_int_equal(record->flags->mailbox, drawn->mailbox);
		value = (struct span){(const uint8_t *)drawn->flags,
				      drawn->runs_n * sizeof(drawn->flags[0])};
	} else if (drawn->type == FORMAT_EXPUNGE) {
		assert_int_equal(record->expunge->mailbox, drawn->mailbox);
		value = (struct span){(const uint8_t *)drawn->uids,
				      drawn->runs_n * sizeof(drawn->uids[0])};
	} else {
		size_t from = given[drawn->type].from;

		assert_memory_equal(is + from, meant + from, given[drawn->type].to - from);
	}
	if (drawn->type == FORMAT_MAILBOX_CREATE)
		assert_memory_equal(record->mailbox_create->mailboxid, drawn->create.mailboxid, 16);
	if (drawn->type == FORMAT_MESSAGE) {
		assert_memory_equal(record->message->emailid, drawn->message.emailid, 16);
		value.len = stripped ? 0 : value.len;
	}
	if (drawn->type == FORMAT_ANNOTATION)
		assert_int_equal(record->annotation->exists, drawn->annotation.exists);
	assert_true(span_eq(record->text, text_of(drawn)));
	assert_true(span_eq(record->value, value));
}

/* --- By chance --- */

static void draw_runs(struct random *random, struct drawn *drawn)
{
	uint32_t uid = 0;

	drawn->runs_n = (unsigned)random_between(random, 1, RUNS_MAX);
	for (unsigned k = 0; k < drawn->runs_n; k++) {
		uint32_t first = uid + (uint32_t)random_between(random, 2, 1000);

		uid = first + (uint32_t)random_below(random, 1000);
		drawn->uids[k] = (struct disk_uid_run){.first = first, .last = uid};
		drawn->flags[k] = (struct disk_flags_run){
			.first = first,
			.last = uid,
			.keywords = {random_next(random), random_next(random)},
			.system = (uint16_t)random_below(random, 32),
		};
	}
}

static void draw_value(struct random *random, struct drawn *drawn)
{
	drawn->value_bytes = random_below(random, VALUE_BYTES_MAX);
	for (size_t i = 0; i < drawn->value_bytes; i++)
		drawn->value[i] = (uint8_t)random_next(random);
}

static void draw_name(struct random *random, struct drawn *drawn)
{
	static const char *const roots[] = {"", "INBOX/", "Archive/2024/", "ä/日本語/", "/shared/"};
	unsigned root = drawn->type == FORMAT_ANNOTATION ? 4
			: drawn->type == FORMAT_KEYWORD	 ? 0
							 : (unsigned)random_below(random, 4);
	static const char tail[] = "abcdefghijklmnopqrstuvwxyz0123456789";

	snprintf(drawn->text, sizeof(drawn->text), "%s%.*s", roots[root],
		 (int)random_between(random, 1, sizeof(tail) - 1), tail);
}

static void draw_message(struct random *random, struct drawn *drawn)
{
	bool carried = random_once(random, 2);

	if (carried)
		draw_value(random, drawn);
	drawn->message = (struct disk_message){
		.mid = random_between(random, 1, UINT64_MAX - 1),
		.segment = (uint32_t)random_next(random),
		.off = (uint32_t)random_between(random, 1, 1 << 20) * 64,
		.length = carried ? (uint32_t)drawn->value_bytes
				  : (uint32_t)random_below(random, 1 << 28),
		.emailid = {(uint8_t)random_next(random), 7},
	};
}

static void draw_add(struct random *random, struct drawn *drawn, uint32_t index)
{
	drawn->add = (struct disk_add){
		.mailbox = (uint32_t)random_between(random, 1, 2),
		.uid = index * 10,
		.mid = random_between(random, 1, UINT64_MAX - 1),
		.utc_s = (int64_t)random_next(random),
		.saved_s = (int64_t)random_next(random),
		.keywords = {random_next(random), random_next(random)},
		.size = (uint32_t)random_below(random, 1u << 31),
		.system = (uint16_t)random_below(random, 32),
		.zone_min = (int16_t)random_next(random),
	};
}

/* The record `index`, counted from 1. Runs never join the last ones: each has its own mailbox. */
static void draw(struct random *random, struct drawn *drawn, uint32_t index)
{
	uint32_t number = (uint32_t)random_between(random, 1, UINT32_MAX);

	memset(drawn, 0, sizeof(*drawn));
	drawn->type = (enum format_change_type)random_between(random, 1, FORMAT_CHANGE_TYPES - 1);
	drawn->mailbox = index;
	if (drawn->type == FORMAT_MAILBOX_CREATE || drawn->type == FORMAT_MAILBOX_RENAME ||
	    drawn->type == FORMAT_KEYWORD || drawn->type == FORMAT_ANNOTATION)
		draw_name(random, drawn);
	if (drawn->type == FORMAT_FLAGS || drawn->type == FORMAT_EXPUNGE)
		draw_runs(random, drawn);
	else if (drawn->type == FORMAT_MESSAGE)
		draw_message(random, drawn);
	else if (drawn->type == FORMAT_ADD)
		draw_add(random, drawn, index);
	else if (drawn->type == FORMAT_MAILBOX_CREATE)
		drawn->create = (struct disk_mailbox_create){
			.mailbox = number,
			.attributes = (uint32_t)random_below(random, STORE_NONEXISTENT << 1),
			.uidvalidity = number,
			.mailboxid = {1, (uint8_t)random_next(random)},
		};
	else if (drawn->type == FORMAT_KEYWORD)
		drawn->keyword = (struct disk_keyword){
			.mailbox = number,
			.bit = (uint16_t)random_below(random, STORE_KEYWORDS_MAX),
		};
	else if (drawn->type == FORMAT_META_PLACE)
		drawn->meta_place = (struct disk_meta_place){.mid = number,
							     .segment = index,
							     .off = 128,
							     .length = 7,
							     .prep_version = 1};
	else if (drawn->type == FORMAT_QUOTA)
		drawn->quota = (struct disk_quota){.bytes_max = random_next(random),
						   .messages_max = FORMAT_QUOTA_NONE};
	else if (drawn->type == FORMAT_SEGMENT)
		drawn->segment = (struct disk_segment_begin){.kind = number % 2 + 1,
							     .number = number,
							     .capacity = UINT64_C(64) + number / 2};
	else /* begins with a mailbox, and the rest may be zero */
		drawn->attributes.mailbox = number;
	if (drawn->type == FORMAT_ANNOTATION && random_once(random, 2)) {
		drawn->annotation.exists = 1;
		draw_value(random, drawn);
	}
}

struct span changes_draw(struct store_change_builder *builder, uint64_t number, uint64_t seed,
			 unsigned records_max)
{
	struct random random = {seed};
	unsigned n = (unsigned)random_below(&random, records_max + 1);
	struct drawn drawn;

	changes_begin(builder, number);
	for (uint32_t k = 1; k <= n; k++) {
		draw(&random, &drawn, k);
		put(builder, &drawn);
	}
	return changes_finish(builder);
}

void changes_expect(const struct store_change *change, uint64_t number, uint64_t seed,
		    unsigned records_max, bool stripped)
{
	struct store_change_walk walk = store_change_walk(change);
	struct store_change_record record;
	struct random random = {seed};
	unsigned n = (unsigned)random_below(&random, records_max + 1);
	struct drawn drawn;

	assert_int_equal(change->header->number, number);
	assert_int_equal(change->header->modseq, 1000 + number);
	assert_int_equal(change->header->time_us, 1700000000000000 + (int64_t)number);
	assert_int_equal(change->header->op[0], (uint8_t)number);
	assert_memory_equal(change->header->account, changes_account, 16);
	for (uint32_t k = 1; k <= n; k++) {
		draw(&random, &drawn, k);
		assert_true(store_change_next(&walk, &record));
		expect(&record, &drawn, stripped);
	}
	assert_false(store_change_next(&walk, &record));
}

/* --- By hand --- */

static const struct drawn samples[FORMAT_CHANGE_TYPES] = {
	[FORMAT_MAILBOX_CREATE] = {.type = FORMAT_MAILBOX_CREATE,
				   .create = {.mailbox = 3,
					      .attributes = STORE_SUBSCRIBED,
					      .uidvalidity = 77,
					      .mailboxid = {1, 2, 3}},
				   .text = "Work/ä"},
	[FORMAT_MAILBOX_DELETE] = {.type = FORMAT_MAILBOX_DELETE, .delete = {.mailbox = 3}},
	[FORMAT_MAILBOX_RENAME] = {.type = FORMAT_MAILBOX_RENAME,
				   .rename = {.mailbox = 3},
				   .text = "Old"},
	[FORMAT_MAILBOX_ATTRIBUTES] = {.type = FORMAT_MAILBOX_ATTRIBUTES,
				       .attributes = {.mailbox = 3, .attributes = STORE_USE_TRASH}},
	[FORMAT_KEYWORD] = {.type = FORMAT_KEYWORD,
			    .keyword = {.mailbox = 3, .bit = 127},
			    .text = "$Junk"},
	[FORMAT_MESSAGE] =
		{.type = FORMAT_MESSAGE,
		 .message = {.mid = 9, .segment = 1, .off = 64, .length = 5, .emailid = {4, 5, 6}},
		 .value = "Hi.\r\n",
		 .value_bytes = 5},
	[FORMAT_ADD] = {.type = FORMAT_ADD,
			.add = {.mailbox = 3,
				.uid = 12,
				.mid = 9,
				.utc_s = 1700000000,
				.saved_s = 1700000001,
				.keywords = {1, 2},
				.size = 5,
				.system = STORE_SEEN,
				.zone_min = -90}},
	[FORMAT_FLAGS] = {.type = FORMAT_FLAGS,
			  .mailbox = 3,
			  .runs_n = 2,
			  .flags = {{.first = 2, .last = 4, .system = STORE_FLAGGED},
				    {.first = 7, .last = 7, .keywords = {1, 0}}}},
	[FORMAT_EXPUNGE] = {.type = FORMAT_EXPUNGE,
			    .mailbox = 3,
			    .runs_n = 2,
			    .uids = {{.first = 2, .last = 4}, {.first = 7, .last = 7}}},
	[FORMAT_META_PLACE] = {.type = FORMAT_META_PLACE,
			       .meta_place = {.mid = 9,
					      .segment = 2,
					      .off = 128,
					      .length = 100,
					      .prep_version = 1}},
	[FORMAT_ANNOTATION] = {.type = FORMAT_ANNOTATION,
			       .annotation = {.mailbox = 0, .exists = 1},
			       .text = "/shared/comment",
			       .value = "mine",
			       .value_bytes = 4},
	[FORMAT_QUOTA] = {.type = FORMAT_QUOTA,
			  .quota = {.bytes_max = 1 << 30, .messages_max = FORMAT_QUOTA_NONE}},
	[FORMAT_SEGMENT] = {.type = FORMAT_SEGMENT,
			    .segment = {.kind = FORMAT_META, .number = 4, .capacity = 1 << 18}},
};

void changes_sample(struct store_change_builder *builder, enum format_change_type type)
{
	put(builder, &samples[type]);
}
