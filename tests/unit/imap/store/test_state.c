/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a draft refuses, what its laws are at the edges, what growth costs, and roots that are let
 * go of by many threads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "diff.h"
#include "draft.h"
#include "memory_checkpoint.h"
#include "record.h"

struct account {
	struct state_retired retired;
	struct state *root;
	struct state_draft *draft;
};

static void begin(struct account *account)
{
	struct state_info info;

	state_info(account->root, &info);
	assert_int_equal(
		state_draft_begin(account->root, info.change + 1, info.modseq + 1, &account->draft),
		0);
}

static void commit(struct account *account)
{
	state_put(&account->root);
	account->root = state_draft_commit(&account->draft);
	state_reclaim(&account->retired);
}

static void create(struct account *account, uint32_t number, const char *name)
{
	struct state_new_mailbox new = {number, 0, 10 + number, {0}, span_of(name)};

	assert_int_equal(state_draft_create(account->draft, &new), 0);
}

/* INBOX is number 1, with UIDs 1 to 3 of mids 1 to 3; "a" is 2, "a/b" 3; keyword "k" in INBOX. */
static int setup(void **state)
{
	struct account *account = calloc(1, sizeof(*account));
	uint32_t mail, meta;
	uint8_t emailid[16] = {0};

	assert_int_equal(state_create(&account->retired, 10, &account->root), 0);
	begin(account);
	create(account, 1, "INBOX");
	create(account, 2, "a");
	create(account, 3, "a/b");
	state_draft_keyword(account->draft, 1, 0, span_of("k"));
	state_draft_segment(account->draft, FORMAT_MAIL, 0, 1 << 16, &mail);
	state_draft_segment(account->draft, FORMAT_META, 0, 1 << 16, &meta);
	for (uint32_t mid = 1; mid <= 3; mid++) {
		struct state_place place = {mail, 64 + (mid - 1) * 256, 100};
		struct rows_row row = {.uid = mid, .size = 100, .mid = mid};

		assert_int_equal(state_draft_message(account->draft, mid, &place, emailid), 0);
		assert_int_equal(state_draft_add(account->draft, 1, &row), 0);
	}
	commit(account);
	*state = account;
	return 0;
}

static int teardown(void **state)
{
	struct account *account = *state;

	state_draft_drop(&account->draft);
	state_put(&account->root);
	state_reclaim(&account->retired);
	free(account);
	return 0;
}

/* --- What is refused --- */

static int create_as(struct state_draft *draft, uint32_t number, uint32_t attributes,
		     uint32_t uidvalidity, const char *name)
{
	struct state_new_mailbox new = {number, attributes, uidvalidity, {0}, span_of(name)};

	return state_draft_create(draft, &new);
}

static int add_as(struct state_draft *draft, uint32_t number, const struct rows_row *row)
{
	return state_draft_add(draft, number, row);
}

static int message_at(struct state_draft *draft, uint64_t mid, uint32_t slot, uint32_t off,
		      uint32_t length)
{
	static const uint8_t emailid[16];

	return state_draft_message(draft, mid, &(struct state_place){slot, off, length}, emailid);
}

static int flags_as(struct state_draft *draft, uint32_t first, uint32_t last, uint32_t system,
		    uint64_t keywords)
{
	return state_draft_flags(draft, 1, first, last,
				 &(struct store_flags){system, {keywords, 0}});
}

#define ROW(...) (&(struct rows_row){__VA_ARGS__})

static void refused(struct account *account, int status, const char *fault)
{
	assert_int_equal(status, -EINVAL);
	if (strstr(state_draft_fault(account->draft), fault) == NULL)
		fail_msg("wanted \"%s\", got \"%s\"", fault, state_draft_fault(account->draft));
	state_draft_drop(&account->draft);
	begin(account);
}

static void test_mailboxes_refused(void **state)
{
	struct account *a = *state;
	uint32_t number = 4;

	begin(a);
	refused(a, create_as(a->draft, number, 0, 20, "A//b"), "level of the name is empty");
	refused(a, create_as(a->draft, number, 0, 20, "inbox"), "not in capitals");
	refused(a, create_as(a->draft, number, 0, 20, "a/b"), "is a mailbox of that name");
	refused(a, create_as(a->draft, 3, 0, 20, "c"), "number is not the next");
	refused(a, create_as(a->draft, 5, 0, 20, "c"), "number is not the next");
	refused(a, create_as(a->draft, number, 0, 13, "c"), "UIDVALIDITY is not the next");
	refused(a, create_as(a->draft, number, 1u << 31, 20, "c"), "attribute is unknown");
	refused(a, state_draft_delete(a->draft, 1), "INBOX cannot be deleted");
	refused(a, state_draft_delete(a->draft, 9), "no such mailbox");
	refused(a, state_draft_rename(a->draft, 1, span_of("c")), "INBOX cannot be renamed");
	refused(a, state_draft_rename(a->draft, 2, span_of("a/c")), "cannot move under itself");
	refused(a, state_draft_rename(a->draft, 3, span_of("a")), "is a mailbox of that name");
	refused(a, state_draft_rename(a->draft, 2, span_of("c\n")), "control character");
	refused(a, state_draft_attributes(a->draft, 2, 1u << 20), "attribute is unknown");
	refused(a, state_draft_attributes(a->draft, 1, STORE_NOSELECT), "holds messages");
	refused(a, state_draft_keyword(a->draft, 1, 0, span_of("l")), "number is not the next");
	refused(a, state_draft_keyword(a->draft, 1, 2, span_of("l")), "number is not the next");
	refused(a, state_draft_keyword(a->draft, 1, 1, span_of("K")), "keyword of that name");
	refused(a, state_draft_keyword(a->draft, 1, 1, span_of("a b")), "keyword is not allowed");
}

static void test_messages_refused(void **state)
{
	struct account *a = *state;
	struct state_place meta = {1, 64, 10};
	uint32_t slot;

	begin(a);
	refused(a, state_draft_segment(a->draft, FORMAT_MAIL, 0, 999, &slot), "of that number");
	refused(a, state_draft_segment(a->draft, 3, 1, 999, &slot), "unknown kind");
	refused(a, state_draft_segment(a->draft, FORMAT_MAIL, 1, 63, &slot), "capacity");
	refused(a, message_at(a->draft, 5, 0, 832, 100), "number is not the next");
	refused(a, message_at(a->draft, 3, 0, 832, 100), "number is not the next");
	refused(a, message_at(a->draft, 4, 1, 832, 100), "no such segment");
	refused(a, message_at(a->draft, 4, 2, 832, 100), "no such segment");
	refused(a, message_at(a->draft, 4, 0, 768, 100), "lies over another");
	refused(a, message_at(a->draft, 4, 0, 833, 100), "lies over another");
	refused(a, message_at(a->draft, 4, 0, 832, 1 << 16), "outside of its segment");
	refused(a, message_at(a->draft, 4, 0, 832, UINT32_MAX), "too long");
	refused(a, state_draft_place(a->draft, 4, FORMAT_META, &meta, 1), "no such message");
	refused(a, state_draft_place(a->draft, 0, FORMAT_META, &meta, 1), "no such message");
	refused(a, state_draft_place(a->draft, 1, FORMAT_MAIL, &meta, 1), "change its length");
	assert_int_equal(state_draft_place(a->draft, 2, FORMAT_META, &meta, 1), 0);
	meta.off = 256;
	refused(a, state_draft_place(a->draft, 1, FORMAT_META, &meta, 1), "out of order");
}

static void test_rows_refused(void **state)
{
	struct account *a = *state;

	begin(a);
	refused(a, add_as(a->draft, 1, ROW(.uid = 3, .size = 100, .mid = 1)), "UID is not");
	refused(a, add_as(a->draft, 1, ROW(.uid = UINT32_MAX, .size = 100, .mid = 1)), "UID is");
	refused(a, add_as(a->draft, 1, ROW(.uid = 4, .size = 99, .mid = 1)), "another size");
	refused(a, add_as(a->draft, 1, ROW(.uid = 4, .size = 100, .mid = 4)), "no such message");
	refused(a, add_as(a->draft, 1, ROW(.uid = 4, .size = 100, .mid = 1, .flags.system = 32)),
		"flag is unknown");
	refused(a, add_as(a->draft, 1, ROW(.uid = 4, .size = 100, .mid = 1, .flags.keywords = {2})),
		"flag is unknown");
	refused(a, flags_as(a->draft, 0, 1, 0, 0), "out of bounds");
	refused(a, flags_as(a->draft, 2, 1, 0, 0), "out of bounds");
	refused(a, flags_as(a->draft, 1, 4, 0, 0), "out of bounds");
	refused(a, flags_as(a->draft, 1, 1, 64, 0), "flag is unknown");
	refused(a, flags_as(a->draft, 1, 1, 0, 2), "flag is unknown");
	assert_int_equal(state_draft_expunge(a->draft, 1, 2, 2), 0);
	refused(a, flags_as(a->draft, 2, 2, 0, 0), "has no message");
	assert_int_equal(state_draft_expunge(a->draft, 1, 2, 2), 0);
	refused(a, state_draft_expunge(a->draft, 1, 2, 2), "has no message");
	/* A mid that lost its last row cannot come back in a later change. */
	assert_int_equal(state_draft_expunge(a->draft, 1, 2, 2), 0);
	commit(a);
	begin(a);
	refused(a, add_as(a->draft, 1, ROW(.uid = 4, .size = 100, .mid = 2)), "no such message");
	assert_int_equal(state_draft_attributes(a->draft, 2, STORE_NOSELECT), 0);
	refused(a, add_as(a->draft, 2, ROW(.uid = 4, .size = 100, .mid = 1)), "holds no messages");
}

static void test_order_of_changes(void **state)
{
	struct account *a = *state;
	struct state_info info;
	struct state_draft *draft;

	state_info(a->root, &info);
	assert_int_equal(state_draft_begin(a->root, info.change, info.modseq + 1, &draft), -EINVAL);
	assert_int_equal(state_draft_begin(a->root, info.change + 2, info.modseq + 1, &draft),
			 -EINVAL);
	assert_int_equal(state_draft_begin(a->root, info.change + 1, info.modseq - 1, &draft),
			 -EINVAL);
	assert_int_equal(state_draft_begin(a->root, info.change + 1, UINT64_MAX, &draft), -EINVAL);
	/* The same modseq again: nothing that readers find by it. */
	assert_int_equal(state_draft_begin(a->root, info.change + 1, info.modseq, &a->draft), 0);
	assert_int_equal(state_draft_rename(a->draft, 2, span_of("z")), 0);
	refused(a, flags_as(a->draft, 1, 1, 0, 0), "second change has that modseq");
}

/* Names under the new one that were there before stay in order among those that come. */
static void test_rename_merges(void **state)
{
	struct account *a = *state;
	static const char *const want[] = {"INBOX", "z", "z/a", "z/b", "z/c"};

	begin(a);
	create(a, 4, "z/a");
	create(a, 5, "z/c");
	assert_int_equal(state_draft_rename(a->draft, 2, span_of("z")), 0);
	for (uint32_t k = 0; k < 5; k++) {
		struct store_mailbox_info info;

		state_mailbox_info(state_mailbox_at(state_draft_root(a->draft), k), &info);
		assert_true(span_eq(info.name, span_of(want[k])));
	}
	assert_int_equal(state_inferiors(state_draft_root(a->draft), 1), 3);
}

/* Two drafts of one root do not write to the same places. */
static void test_two_drafts(void **state)
{
	struct account *a = *state;
	struct state_draft *other;
	struct state_cursor cursor;
	struct state_info info;

	state_info(a->root, &info);
	begin(a);
	assert_int_equal(add_as(a->draft, 1, ROW(.uid = 4, .size = 100, .mid = 1)), 0);
	assert_int_equal(state_draft_begin(a->root, info.change + 1, info.modseq + 1, &other), 0);
	assert_int_equal(add_as(other, 1, ROW(.uid = 9, .size = 100, .mid = 2, .flags.system = 1)),
			 0);
	cursor = state_cursor(state_mailbox_at(state_draft_root(a->draft), 0));
	assert_int_equal(state_uid(&cursor, 3), 4);
	assert_int_equal(state_message(&cursor, 3), 1);
	assert_int_equal(state_flags(&cursor, 3).system, 0);
	state_draft_drop(&other);
}

static void test_vanished_is_bounded(void **state)
{
	struct vanished vanished = {.block = NULL}, before = {.block = NULL};
	const struct vanished_run *runs;
	uint32_t n;

	(void)state;
	for (uint32_t k = 1; k <= VANISHED_RUNS_MAX; k++)
		vanished_add(&vanished, (struct vanished_run){k, 2 * k, 2 * k});
	assert_int_equal(vanished.forgotten, 0);
	before = vanished_share(&vanished);
	vanished_add(&vanished, (struct vanished_run){5000, 9000, 9001});
	assert_int_equal(vanished.forgotten, VANISHED_RUNS_MAX / 4);
	assert_int_equal(vanished.runs, VANISHED_RUNS_MAX * 3 / 4 + 1);
	runs = vanished_since(&vanished, VANISHED_RUNS_MAX, &n);
	assert_int_equal(n, 1);
	assert_int_equal(runs[0].last, 9001);
	vanished_since(&before, 0, &n);
	assert_int_equal(n, VANISHED_RUNS_MAX);
	vanished_free(&before);
	vanished_free(&vanished);
}

/* --- Foreign columns --- */

static void not_released(struct state_backing *backing)
{
	(void)backing;
}

/* INBOX with as many rows, all of one message, flagged by UID; its segments. */
static struct span inbox_of(uint32_t rows_n)
{
	struct rows_row *rows = calloc(rows_n, sizeof(*rows));
	struct disk_segment segments[] = {{FORMAT_MAIL, 0, 256, 256, 1, 1},
					  {FORMAT_META, 0, 256, 256, 1, 1}};
	struct disk_mid mid = {rows_n, 0, 64, 10, 1, 64, 10, 0};
	struct memory_mailbox inbox = {.disk = {.messages = rows_n,
						.unseen = rows_n,
						.uidvalidity = 1,
						.uidnext = rows_n + 1,
						.highestmodseq = 7,
						.size = 10 * (uint64_t)rows_n},
				       .name = "INBOX",
				       .rows = rows};
	uint8_t emailid[1][16] = {{0}};
	struct span bytes;

	for (uint32_t i = 0; i < rows_n; i++)
		rows[i] = (struct rows_row){.uid = i + 1, .size = 10, .mid = 1, .modseq = 7};
	bytes = memory_checkpoint_make(&(struct memory_checkpoint){
		7, 2, 2, &inbox, 1, segments, 2, &mid, (const uint8_t(*)[16])emailid});
	free(rows);
	return bytes;
}

static uint32_t *column_uid(struct span bytes)
{
	struct store_checkpoint checkpoint;
	struct store_columns columns;

	assert_null(store_checkpoint_open(bytes, NULL, &checkpoint));
	assert_null(store_columns_place(&checkpoint, 0, &columns));
	return (uint32_t *)(uintptr_t)columns.uid;
}

static void test_damaged_rows(void **state)
{
	struct span bytes = inbox_of(600);
	struct state_backing backing = {.release = not_released};
	struct account a = {.root = NULL};
	const struct state_mailbox *mailbox;
	uint32_t *uid = column_uid(bytes);

	(void)state;
	assert_null(store_checkpoint_open(bytes, NULL, &backing.checkpoint));
	assert_int_equal(state_open(&a.retired, &backing, 3, &a.root), 0);
	mailbox = state_mailbox_at(a.root, 0);
	for (uint32_t i = 300; i < 600; i++)
		uid[i] = 0x80000000 - i * 7919;
	for (uint32_t k = 0; k < 600; k++)
		state_lower_bound(mailbox, k * 12345); /* some number, and no more */
	begin(&a);
	assert_int_equal(flags_as(a.draft, 1, 1, STORE_SEEN, 0), 0);
	assert_int_equal(state_draft_expunge(a.draft, 1, 280, 600), -EIO);
	state_draft_drop(&a.draft);
	begin(&a);
	assert_int_equal(add_as(a.draft, 1, ROW(.uid = 601, .size = 10, .mid = 1)), -EIO);
	state_draft_drop(&a.draft);
	state_put(&a.root);
	state_reclaim(&a.retired);
	free((void *)(uintptr_t)bytes.ptr);
}

/* A chunk that goes as a whole leaves two extents: what lies behind it is not what was there. */
static void test_diff_of_a_chunk(void **state)
{
	struct span bytes = inbox_of(4 * ROWS_CHUNK);
	struct state_backing backing = {.release = not_released};
	struct account a = {.root = NULL};
	struct state_diff_event event;
	struct state_diff diff;
	struct state *first;

	(void)state;
	assert_null(store_checkpoint_open(bytes, NULL, &backing.checkpoint));
	assert_int_equal(state_open(&a.retired, &backing, 3, &a.root), 0);
	first = state_get(a.root);
	begin(&a);
	assert_int_equal(state_draft_expunge(a.draft, 1, ROWS_CHUNK + 1, 2 * ROWS_CHUNK), 0);
	commit(&a);
	diff = state_diff(state_mailbox_at(first, 0), state_mailbox_at(a.root, 0));
	for (uint32_t uid = ROWS_CHUNK + 1; uid <= 2 * ROWS_CHUNK; uid++) {
		assert_true(state_diff_next(&diff, &event));
		assert_int_equal(event.kind, STATE_DIFF_EXPUNGED);
		assert_int_equal(event.uid, uid);
	}
	assert_false(state_diff_next(&diff, &event));
	state_put(&first);
	state_put(&a.root);
	state_reclaim(&a.retired);
	free((void *)(uintptr_t)bytes.ptr);
}

/* --- Growth --- */

static uint8_t *watched;
static size_t watched_len;
static volatile unsigned pages_touched;

static void page_touched(int signal, siginfo_t *info, void *context)
{
	uint8_t *at = (uint8_t *)((uintptr_t)info->si_addr & ~(uintptr_t)4095);

	(void)signal;
	(void)context;
	if (at < watched || at >= watched + watched_len)
		_exit(1);
	pages_touched++;
	mprotect(at, 4096, PROT_READ);
}

/* Watches the columns: every page that is read is counted once. */
static void watch(struct span bytes)
{
	uint8_t *from = (uint8_t *)column_uid(bytes);

	watched = (uint8_t *)(((uintptr_t)from + 4095) & ~(uintptr_t)4095);
	watched_len = (size_t)(bytes.ptr + bytes.len - watched) & ~(size_t)4095;
	pages_touched = 0;
	assert_int_equal(mprotect(watched, watched_len, PROT_NONE), 0);
}

/* Pages of columns that are read to open an account of one mailbox, to change flags and take out a
 * message in the middle of it, and to tell that by a diff. */
static unsigned pages_of(uint32_t rows_n)
{
	struct span bytes = inbox_of(rows_n);
	struct state_backing backing = {.release = not_released};
	struct account a = {.root = NULL};
	struct store_mailbox_info info;
	struct state_diff_event event;
	struct state_diff diff;
	struct state *first;

	assert_null(store_checkpoint_open(bytes, NULL, &backing.checkpoint));
	watch(bytes);
	assert_int_equal(state_open(&a.retired, &backing, 3, &a.root), 0);
	assert_int_equal(pages_touched, 0);
	first = state_get(a.root);
	begin(&a);
	assert_int_equal(flags_as(a.draft, rows_n / 2, rows_n / 2, STORE_SEEN, 0), 0);
	commit(&a);
	begin(&a);
	assert_int_equal(state_draft_expunge(a.draft, 1, rows_n / 3, rows_n / 3), 0);
	commit(&a);
	state_mailbox_info(state_mailbox_at(a.root, 0), &info);
	assert_int_equal(info.messages, rows_n - 1);
	assert_int_equal(info.unseen, rows_n - 2);
	diff = state_diff(state_mailbox_at(first, 0), state_mailbox_at(a.root, 0));
	assert_true(state_diff_next(&diff, &event) && event.kind == STATE_DIFF_EXPUNGED);
	assert_true(state_diff_next(&diff, &event) && event.kind == STATE_DIFF_FLAGS);
	assert_false(state_diff_next(&diff, &event));
	state_put(&first);
	mprotect(watched, watched_len, PROT_READ | PROT_WRITE);
	state_put(&a.root);
	state_reclaim(&a.retired);
	free((void *)(uintptr_t)bytes.ptr);
	return pages_touched;
}

/*
 * A thousand times the rows are ten steps more of a binary search, and an operation makes two such:
 * each step may be a page. Nothing else may grow.
 */
static void test_growth(void **state)
{
	struct sigaction action = {.sa_sigaction = page_touched, .sa_flags = SA_SIGINFO}, before;
	unsigned small, large;

	(void)state;
	sigaction(SIGSEGV, &action, &before);
	small = pages_of(1000);
	large = pages_of(1000000);
	sigaction(SIGSEGV, &before, NULL);
	print_message("pages of columns: %u of 1,000 rows, %u of 1,000,000\n", small, large);
	assert_true(small > 4);
	assert_true(large <= small + 2 * 10);
}

/* A tree of many levels: a flag in each chunk of a million rows, then most of them out. */
static void test_deep(void **state)
{
	enum { ROWS = 1000000 };
	struct span bytes = inbox_of(ROWS);
	struct state_backing backing = {.release = not_released};
	struct account a = {.root = NULL};
	struct state_cursor cursor;
	struct store_mailbox_info info;
	uint32_t flagged = 0, expected = 0;

	(void)state;
	assert_null(store_checkpoint_open(bytes, NULL, &backing.checkpoint));
	assert_int_equal(state_open(&a.retired, &backing, 3, &a.root), 0);
	begin(&a);
	for (uint32_t uid = 100; uid <= ROWS; uid += 256, flagged++)
		assert_int_equal(flags_as(a.draft, uid, uid, STORE_SEEN, 0), 0);
	commit(&a);
	state_mailbox_info(state_mailbox_at(a.root, 0), &info);
	assert_int_equal(info.unseen, ROWS - flagged);
	begin(&a); /* of each ten thousand, nine thousand */
	for (uint32_t uid = 1001; uid <= ROWS; uid += 10000)
		assert_int_equal(state_draft_expunge(a.draft, 1, uid, uid + 8999), 0);
	commit(&a);
	cursor = state_cursor(state_mailbox_at(a.root, 0));
	state_mailbox_info(cursor.mailbox, &info);
	assert_int_equal(info.messages, ROWS / 10);
	for (uint32_t uid = 1; uid <= ROWS; uid++) {
		if ((uid - 1) % 10000 >= 1000)
			continue;
		assert_true(state_uid(&cursor, expected) == uid);
		assert_true(state_flags(&cursor, expected).system ==
			    (uid % 256 == 100 ? (uint32_t)STORE_SEEN : 0));
		assert_true(state_lower_bound(cursor.mailbox, uid) == expected);
		expected++;
	}
	assert_int_equal(expected, info.messages);
	state_put(&a.root);
	state_reclaim(&a.retired);
	free((void *)(uintptr_t)bytes.ptr);
}

/* --- Threads --- */

enum { READERS = 3, ROOTS = 2000 };

struct reader {
	_Atomic(struct state *) slot;
	_Atomic(bool) stop;
	uint64_t seen;
};

/* Takes each root it is given, reads it and puts it. */
static void *reader_run(void *arg)
{
	struct reader *reader = arg;

	for (bool stop = false; !stop;) {
		struct state *root;

		stop = atomic_load(&reader->stop);
		root = atomic_exchange_explicit(&reader->slot, NULL, memory_order_acq_rel);
		if (root != NULL) {
			struct state_cursor cursor = state_cursor(state_mailbox_at(root, 0));
			struct store_mailbox_info info;

			state_mailbox_info(cursor.mailbox, &info);
			for (uint32_t i = 0; i < info.messages; i++)
				reader->seen +=
					state_uid(&cursor, i) + state_flags(&cursor, i).system;
		}
		state_put(&root);
	}
	return NULL;
}

static void publish(struct reader *reader, struct state *root)
{
	struct state *unread =
		atomic_exchange_explicit(&reader->slot, state_get(root), memory_order_acq_rel);

	state_put(&unread);
}

static void test_threads(void **state)
{
	struct account *a = *state;
	struct reader readers[READERS] = {{.seen = 0}};
	pthread_t threads[READERS];
	uint32_t uid = 4;

	for (unsigned k = 0; k < READERS; k++)
		assert_int_equal(pthread_create(&threads[k], NULL, reader_run, &readers[k]), 0);
	for (unsigned n = 0; n < ROOTS; n++) {
		begin(a);
		assert_int_equal(
			add_as(a->draft, 1, ROW(.uid = uid, .size = 100, .mid = 1 + n % 3)), 0);
		assert_int_equal(flags_as(a->draft, uid / 2, uid, n % 32, n % 2), 0);
		if (uid % 5 == 0)
			assert_int_equal(state_draft_expunge(a->draft, 1, uid - 1, uid - 1), 0);
		uid++;
		commit(a);
		for (unsigned k = 0; k < READERS; k++)
			publish(&readers[k], a->root);
	}
	for (unsigned k = 0; k < READERS; k++) {
		struct state *unread;

		atomic_store(&readers[k].stop, true);
		pthread_join(threads[k], NULL);
		unread = atomic_exchange(&readers[k].slot, NULL);
		state_put(&unread);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_mailboxes_refused),
		TEST(test_messages_refused),
		TEST(test_rows_refused),
		TEST(test_order_of_changes),
		TEST(test_rename_merges),
		TEST(test_two_drafts),
		TEST(test_threads),
		cmocka_unit_test(test_vanished_is_bounded),
		cmocka_unit_test(test_damaged_rows),
		cmocka_unit_test(test_diff_of_a_chunk),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
