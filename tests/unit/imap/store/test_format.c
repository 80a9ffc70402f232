/* SPDX-License-Identifier: Apache-2.0 */
/* docs/format.md against what the store writes.    test_format DOCS/format.md */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "change_build.h"
#include "format.h"
#include "journal.h"

enum { EXAMPLE_BYTES = 256 };

static const char *page;

/* The bytes of the block that begins with ```hexdump NAME. How many there were. */
static size_t example_read(const char *name, uint8_t bytes_r[EXAMPLE_BYTES])
{
	FILE *file = fopen(page, "r");
	char line[512], head[64];
	size_t n = 0;
	bool inside = false;

	assert_non_null(file);
	snprintf(head, sizeof(head), "```hexdump %s\n", name);
	while (fgets(line, sizeof(line), file) != NULL) {
		char *at = line + 8;

		if (inside && strncmp(line, "```", 3) == 0)
			break;
		if (inside) {
			assert_int_equal(strtoul(line, NULL, 16), n);
			for (unsigned k = 0; k < 16 && n < EXAMPLE_BYTES; k++) {
				char *number = at;
				uint8_t byte = (uint8_t)strtoul(number, &at, 16);

				if (at == number) /* a line of fewer bytes */
					break;
				bytes_r[n++] = byte;
			}
		}
		inside = inside || strcmp(line, head) == 0;
	}
	fclose(file);
	return n;
}

static void test_example(void **state)
{
	struct fixture *fixture = *state;
	struct store_import *import = fixture_import_open(fixture);
	struct store_message message = {.bytes = span_of("Subject: hello\r\n\r\nHi.\r\n")};
	uint8_t example[EXAMPLE_BYTES], *bytes;
	size_t len;

	assert_int_equal(store_import_message(import, 0, &message, &fixture->error), 1);
	fixture_import_close(fixture, &import);
	bytes = fixture_file_read(fixture, "mail.0", &len);
	assert_int_equal(example_read("mail.0", example), EXAMPLE_BYTES);
	assert_memory_equal(bytes, example, EXAMPLE_BYTES);
	free(bytes);
	/* "`used` in the checkpoint is 0x100" */
	bytes = fixture_file_read(fixture, "checkpoint", &len);
	assert_int_equal(
		((struct disk_segment *)(bytes +
					 ((struct disk_checkpoint *)bytes)->segment_table.off))
			->used,
		0x100);
	free(bytes);
}

/* A file that is one run of memory. */
struct memory {
	struct store_journal_file file;
	uint8_t bytes[EXAMPLE_BYTES];
	size_t len;
};

static int memory_write(struct store_journal_file *file, uint64_t off, struct span bytes)
{
	struct memory *memory = (struct memory *)file;

	assert_true(off + bytes.len <= EXAMPLE_BYTES);
	memcpy(memory->bytes + off, bytes.ptr, bytes.len);
	memory->len = off + bytes.len;
	return 0;
}

static void example_expect(const char *name, struct span bytes)
{
	uint8_t example[EXAMPLE_BYTES];

	if (example_read(name, example) != bytes.len || memcmp(example, bytes.ptr, bytes.len) != 0)
		fail_msg("%s: the page shows other bytes than are written", name);
}

static struct store_change_origin origin_of(uint64_t number, uint64_t modseq)
{
	struct store_change_origin origin = {
		.number = number, .modseq = modseq, .time_us = 1700000000123456};

	memcpy(origin.account, fixture_uuid, sizeof(origin.account));
	return origin;
}

static void test_journal_example(void **state)
{
	struct store_change_builder *builder = store_change_builder_create(4096);
	struct store_change_origin origin = origin_of(5, 0x1234);
	struct disk_flags_run run = {.first = 3, .last = 6, .keywords = {1}, .system = STORE_SEEN};
	struct store_journal_id id = {.generation = 2, .first = 5, .checkpoint_crc = 0x8badf00d};
	struct memory memory = {.file = {.write = memory_write}};
	struct store_journal *journal;
	struct store_change change;
	struct span bytes;

	(void)state;
	for (unsigned k = 0; k < sizeof(origin.op); k++)
		origin.op[k] = (uint8_t)(0x10 + k);
	store_change_begin(builder, &origin);
	store_change_flags(builder, 1, &run);
	store_change_expunge(builder, 1, 9, 9);
	assert_int_equal(store_change_finish(builder, &bytes), 0);
	assert_int_equal(store_change_open(bytes, &change), STORE_CHANGE_WHOLE);
	memcpy(id.account, fixture_uuid, sizeof(id.account));
	assert_int_equal(store_journal_create(&memory.file, &id, &journal), 0);
	assert_int_equal(store_journal_append(journal, &change), 0);
	example_expect("journal.2", (struct span){memory.bytes, memory.len});
	store_journal_close(&journal);
	store_change_builder_destroy(&builder);
}

static void test_change_example(void **state)
{
	struct store_change_builder *builder = store_change_builder_create(4096);
	struct store_change_origin origin = origin_of(6, 0x1235);
	struct disk_message message = {.mid = 1, .off = 64, .length = 7};
	struct disk_add add = {
		.mailbox = 1,
		.uid = 10,
		.mid = 1,
		.utc_s = 1700000000,
		.saved_s = 1700000000,
		.size = 7,
		.zone_min = 60,
	};
	struct span bytes;

	(void)state;
	memset(message.emailid, 0xee, sizeof(message.emailid));
	store_change_begin(builder, &origin);
	store_change_message(builder, &message, span_of("\r\nHi.\r\n"));
	store_change_add(builder, &add);
	assert_int_equal(store_change_finish(builder, &bytes), 0);
	example_expect("change", bytes);
	store_change_builder_destroy(&builder);
}

/* The page's tables, offset by offset. */
static void test_offsets(void **state)
{
	(void)state;
	assert_int_equal(offsetof(struct disk_volume, created_s), 32);
	assert_int_equal(offsetof(struct disk_segment_header, kind), 32);
	assert_int_equal(offsetof(struct disk_segment_header, capacity), 40);
	assert_int_equal(offsetof(struct disk_record, mid), 8);
	assert_int_equal(offsetof(struct disk_record, prep_version), 24);
	assert_int_equal(offsetof(struct disk_record, crc), 60);
	assert_int_equal(offsetof(struct disk_piece, nonce), 8);
	assert_int_equal(offsetof(struct disk_piece, tag), 20);
	assert_int_equal(offsetof(struct disk_checkpoint, file_bytes), 32);
	assert_int_equal(offsetof(struct disk_checkpoint, uidvalidity_next), 64);
	assert_int_equal(offsetof(struct disk_checkpoint, mailbox_table), 80);
	assert_int_equal(offsetof(struct disk_checkpoint, strings), 104);
	assert_int_equal(offsetof(struct disk_checkpoint, segment_table), 128);
	assert_int_equal(offsetof(struct disk_checkpoint, mid_table), 152);
	assert_int_equal(offsetof(struct disk_checkpoint, emailid_table), 176);
	assert_int_equal(offsetof(struct disk_checkpoint, crc), 252);
	assert_int_equal(offsetof(struct disk_mailbox, uidvalidity), 16);
	assert_int_equal(offsetof(struct disk_mailbox, attributes), 48);
	assert_int_equal(offsetof(struct disk_mailbox, mailboxid), 56);
	assert_int_equal(offsetof(struct disk_mailbox, name), 72);
	assert_int_equal(offsetof(struct disk_mailbox, columns), 88);
	assert_int_equal(offsetof(struct disk_segment, mid_first), 24);
	assert_int_equal(offsetof(struct disk_mid, mail_len), 12);
	assert_int_equal(offsetof(struct disk_mid, meta_len), 24);
	assert_int_equal(offsetof(struct disk_chunk, modseq), 64);
	assert_int_equal(offsetof(struct disk_chunk, keywords), 2112);
	assert_int_equal(offsetof(struct disk_chunk, system), 6208);
}

static void test_offsets_of_changes(void **state)
{
	(void)state;
	assert_int_equal(offsetof(struct disk_change, number), 24);
	assert_int_equal(offsetof(struct disk_change, op), 40);
	assert_int_equal(offsetof(struct disk_change, records), 64);
	assert_int_equal(offsetof(struct disk_change, crc), 76);
	assert_int_equal(offsetof(struct disk_mailbox_create, uidvalidity), 16);
	assert_int_equal(offsetof(struct disk_mailbox_create, mailboxid), 24);
	assert_int_equal(offsetof(struct disk_mailbox_rename, name_bytes), 12);
	assert_int_equal(offsetof(struct disk_mailbox_attributes, attributes), 12);
	assert_int_equal(offsetof(struct disk_keyword, bit), 12);
	assert_int_equal(offsetof(struct disk_keyword, name_bytes), 14);
	assert_int_equal(offsetof(struct disk_message, segment), 16);
	assert_int_equal(offsetof(struct disk_message, carried), 28);
	assert_int_equal(offsetof(struct disk_message, emailid), 32);
	assert_int_equal(offsetof(struct disk_add, mid), 16);
	assert_int_equal(offsetof(struct disk_add, keywords), 40);
	assert_int_equal(offsetof(struct disk_add, size), 56);
	assert_int_equal(offsetof(struct disk_add, zone_min), 62);
	assert_int_equal(offsetof(struct disk_flags, runs), 16);
	assert_int_equal(offsetof(struct disk_flags_run, system), 24);
	assert_int_equal(offsetof(struct disk_expunge, runs), 16);
	assert_int_equal(offsetof(struct disk_meta_place, off), 20);
	assert_int_equal(offsetof(struct disk_meta_place, prep_version), 28);
	assert_int_equal(offsetof(struct disk_annotation, value_bytes), 16);
	assert_int_equal(offsetof(struct disk_annotation, exists), 20);
	assert_int_equal(offsetof(struct disk_quota, messages_max), 16);
	assert_int_equal(offsetof(struct disk_segment_begin, number), 12);
	assert_int_equal(offsetof(struct disk_segment_begin, capacity), 16);
	assert_int_equal(offsetof(struct disk_journal, generation), 32);
	assert_int_equal(offsetof(struct disk_journal, first), 40);
	assert_int_equal(offsetof(struct disk_journal, checkpoint_crc), 48);
	assert_int_equal(offsetof(struct disk_journal, crc), 60);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_example, fixture_setup, fixture_teardown),
		cmocka_unit_test(test_journal_example),
		cmocka_unit_test(test_change_example),
		cmocka_unit_test(test_offsets),
		cmocka_unit_test(test_offsets_of_changes),
	};

	if (argc != 2)
		return 1;
	page = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
