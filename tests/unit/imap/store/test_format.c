/* SPDX-License-Identifier: Apache-2.0 */
/* docs/format.md against what the store writes.    test_format DOCS/format.md */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"

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
			for (unsigned k = 0; k < 16 && n < EXAMPLE_BYTES; k++)
				bytes_r[n++] = (uint8_t)strtoul(at, &at, 16);
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

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_example, fixture_setup, fixture_teardown),
		cmocka_unit_test(test_offsets),
	};

	if (argc != 2)
		return 1;
	page = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
