/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints whose checksums are right and whose contents are not: each is refused, and named. */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

#include "checkpoint.h"

/* Two mailboxes of three messages each, one of them with two keywords. */
static void fill(struct fixture *fixture)
{
	struct store_import *import = fixture_import_open(fixture);
	int other = store_import_mailbox(import, span_of("Other"), 0, &fixture->error);

	for (unsigned k = 0; k < 3; k++) {
		fixture_import_add(fixture, import, 0, k, 100 + k);
		fixture_import_add(fixture, import, (unsigned)other, 10 + k, 200 + k);
	}
	fixture_import_close(fixture, &import);
}

static struct store_columns_layout layout;

/* The columns of the first mailbox, to write to. */
static uint8_t *column(struct fixture_patch *patch, uint64_t off)
{
	return patch->bytes + patch->mailboxes[0].columns.off + off;
}

static void header_versions(struct fixture_patch *p)
{
	p->header->version = 2;
}
static void header_understand(struct fixture_patch *p)
{
	p->header->must_understand = 1;
}
static void header_length(struct fixture_patch *p)
{
	p->header->file_bytes++;
}
static void header_mailboxes(struct fixture_patch *p)
{
	p->header->mailboxes = 1;
}
static void header_mids(struct fixture_patch *p)
{
	p->header->mid_next++;
}
static void header_mids_huge(struct fixture_patch *p)
{
	p->header->mid_next = UINT64_MAX;
}
static void header_mids_none(struct fixture_patch *p)
{
	p->header->mid_next = 0;
}
static void table_outside(struct fixture_patch *p)
{
	p->header->mid_table.off = p->len & ~(uint64_t)63;
}
static void table_wraps(struct fixture_patch *p)
{
	p->header->strings.off = UINT64_MAX & ~(uint64_t)63;
}
static void table_crooked(struct fixture_patch *p)
{
	p->header->segment_table.off += 8;
}
static void mailbox_order(struct fixture_patch *p)
{
	struct disk_string name = p->mailboxes[0].name;

	p->mailboxes[0].name = p->mailboxes[1].name;
	p->mailboxes[1].name = name;
}
static void mailbox_twice(struct fixture_patch *p)
{
	p->mailboxes[1].name = p->mailboxes[0].name;
}
static void mailbox_name_outside(struct fixture_patch *p)
{
	p->mailboxes[1].name.len = UINT32_MAX;
}
static void mailbox_name_empty(struct fixture_patch *p)
{
	p->mailboxes[1].name.len = 0;
}
static void mailbox_modseq(struct fixture_patch *p)
{
	p->mailboxes[1].highestmodseq = p->header->modseq + 1;
}
static void mailbox_uidvalidity(struct fixture_patch *p)
{
	p->mailboxes[0].uidvalidity = 0;
}
static void mailbox_keywords(struct fixture_patch *p)
{
	p->mailboxes[0].keywords = STORE_KEYWORDS_MAX + 1;
}
static void mailbox_understand(struct fixture_patch *p)
{
	p->mailboxes[0].must_understand = 1u << 31;
}
static void mailbox_columns_in_tables(struct fixture_patch *p)
{
	p->mailboxes[0].columns.off = p->header->mid_table.off;
}
static void segment_kind(struct fixture_patch *p)
{
	p->segments[0].kind = 3;
}
static void segment_used_small(struct fixture_patch *p)
{
	p->segments[0].used = 0;
}
static void segment_used_huge(struct fixture_patch *p)
{
	p->segments[0].used = (uint64_t)UINT32_MAX + 1;
}
static void segment_mids(struct fixture_patch *p)
{
	p->segments[0].mid_last = p->header->mid_next;
}
static void mid_slot(struct fixture_patch *p)
{
	p->mids[0].mail_slot = p->header->segments;
}
static void mid_kinds_swapped(struct fixture_patch *p)
{
	uint32_t slot = p->mids[0].mail_slot;

	p->mids[0].mail_slot = p->mids[0].meta_slot;
	p->mids[0].meta_slot = slot;
}
static void mid_off_header(struct fixture_patch *p)
{
	p->mids[0].mail_off = 0;
}
static void mid_off_outside(struct fixture_patch *p)
{
	p->mids[0].meta_off = UINT32_MAX & ~63u;
}
static void mid_off_crooked(struct fixture_patch *p)
{
	p->mids[0].meta_off++;
}
static void mid_length(struct fixture_patch *p)
{
	p->mids[5].meta_len = UINT32_MAX;
}
static void row_uid_zero(struct fixture_patch *p)
{
	((uint32_t *)column(p, layout.uid))[0] = 0;
}
static void row_uids_equal(struct fixture_patch *p)
{
	((uint32_t *)column(p, layout.uid))[1] = 1;
}
static void row_uid_next(struct fixture_patch *p)
{
	((uint32_t *)column(p, layout.uid))[2] = p->mailboxes[0].uidnext;
}
static void row_mid_zero(struct fixture_patch *p)
{
	((uint64_t *)column(p, layout.mid))[0] = 0;
}
static void row_mid_outside(struct fixture_patch *p)
{
	((uint64_t *)column(p, layout.mid))[0] = p->header->mid_next;
}
static void row_mid_free(struct fixture_patch *p)
{
	p->mids[((uint64_t *)column(p, layout.mid))[0] - 1].references = 0;
}
static void row_size(struct fixture_patch *p)
{
	((uint32_t *)column(p, layout.size))[0]++;
}
static void row_modseq(struct fixture_patch *p)
{
	((struct disk_chunk *)column(p, layout.chunks))->modseq[1] = p->header->modseq + 1;
}
static void keyword_outside(struct fixture_patch *p)
{
	((struct disk_string *)column(p, layout.keywords))[0].off = UINT32_MAX;
}
static void keyword_empty(struct fixture_patch *p)
{
	((struct disk_string *)column(p, layout.keywords))[0].len = 0;
}
static void columns_short(struct fixture_patch *p)
{
	p->mailboxes[0].messages += 1000;
}

static const struct {
	void (*patch)(struct fixture_patch *patch);
	const char *fault;
} cases[] = {
	{header_versions, "needs a newer program"},
	{header_understand, "needs a newer program"},
	{header_length, "cut or grown"},
	{header_mailboxes, "table of mailboxes is damaged"},
	{header_mids, "table of messages is damaged"},
	{header_mids_huge, "out of bounds"},
	{header_mids_none, "out of bounds"},
	{table_outside, "tables are out of bounds"},
	{table_wraps, "tables are out of bounds"},
	{table_crooked, "tables are out of bounds"},
	{mailbox_order, "out of order"},
	{mailbox_twice, "out of order"},
	{mailbox_name_outside, "name is not allowed"},
	{mailbox_name_empty, "name is not allowed"},
	{mailbox_modseq, "counters are out of bounds"},
	{mailbox_uidvalidity, "counters are out of bounds"},
	{mailbox_keywords, "counters are out of bounds"},
	{mailbox_understand, "needs a newer program"},
	{mailbox_columns_in_tables, "columns lie in the tables"},
	{segment_kind, "unknown kind"},
	{segment_used_small, "length is out of bounds"},
	{segment_used_huge, "length is out of bounds"},
	{segment_mids, "segment's messages are out of bounds"},
	{mid_slot, "outside of its segment"},
	{mid_kinds_swapped, "outside of its segment"},
	{mid_off_header, "outside of its segment"},
	{mid_off_outside, "outside of its segment"},
	{mid_off_crooked, "outside of its segment"},
	{mid_length, "outside of its segment"},
	{row_uid_zero, "UIDs are out of order"},
	{row_uids_equal, "UIDs are out of order"},
	{row_uid_next, "UIDs are out of order"},
	{row_mid_zero, "messages that do not exist"},
	{row_mid_outside, "messages that do not exist"},
	{row_mid_free, "messages that do not exist"},
	{row_size, "messages that do not exist"},
	{row_modseq, "modseqs are out of bounds"},
	{keyword_outside, "keyword is not allowed"},
	{keyword_empty, "keyword is not allowed"},
	{columns_short, "columns are damaged"},
};

/* The error a reader gives, the log naming the fault. */
static void read_refused(struct fixture *fixture, const char *fault)
{
	struct store_account *account;
	struct store_view *view;
	int status;

	fixture->log_last[0] = '\0';
	fixture_reader_open(fixture, 4);
	status = fixture_account(fixture, &account);
	if (status == 0) {
		status = fixture_view(fixture, account, "INBOX", &view);
		assert_null(view);
	}
	store_account_put(&account);
	fixture_reader_close(fixture);
	if (status != -EIO || strstr(fixture->log_last, fault) == NULL)
		fail_msg("wanted \"%s\", got %d and \"%s\"", fault, status, fixture->log_last);
}

static void test_each_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct store_import *import;
	uint8_t *bytes;
	size_t len;

	fill(fixture);
	store_columns_layout(3, 2, &layout);
	bytes = fixture_file_read(fixture, "checkpoint", &len);
	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		struct fixture_patch patch = fixture_patch_begin(fixture);

		cases[k].patch(&patch);
		fixture_patch_end(fixture, &patch);
		read_refused(fixture, cases[k].fault);
		/* Nor does an import build on it. */
		assert_int_equal(
			store_import_open(fixture->store, fixture_uuid, &import, &fixture->error),
			-EIO);
		assert_non_null(strstr(fixture->error.text, cases[k].fault));
		fixture_file_write(fixture, "checkpoint", bytes, len);
	}
	free(bytes);
}

/* What is whole is taken, also after the patch machine went over it. */
static void test_whole_is_taken(void **state)
{
	struct fixture *fixture = *state;
	struct fixture_patch patch;
	struct store_account *account;
	struct store_view *view;

	fill(fixture);
	patch = fixture_patch_begin(fixture);
	fixture_patch_end(fixture, &patch);
	fixture_reader_open(fixture, 4);
	assert_int_equal(fixture_account(fixture, &account), 0);
	assert_int_equal(fixture_view(fixture, account, "INBOX", &view), 0);
	fixture_message_check(fixture, view, 2, 2, 102);
	store_view_put(&view);
	store_account_put(&account);
	fixture_reader_close(fixture);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_whole_is_taken),
		TEST(test_each_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
