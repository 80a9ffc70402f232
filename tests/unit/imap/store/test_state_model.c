/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random changes to an account, made to a state and to a model of plain arrays; after each, all
 * that a reader can ask is compared, and that older roots still say what they said. Half way the
 * account becomes a checkpoint and is opened from it.
 *
 *   test_state_model [SEEDS [FIRST]]      a seed that fails is told: 1 SEED runs it alone
 */
#include "account_model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply.h"
#include "change_build.h"
#include "diff.h"
#include "draft.h"
#include "name.h"
#include "record.h"

enum { HELD_MAX = 6, STEPS = 12 };

static unsigned long seeds = 1000, seed_first = 1, seed_now;

struct held {
	struct state *root;
	uint64_t digest;
};

struct walk {
	uint64_t random;
	struct model model;
	struct state_retired retired;
	struct state *root;
	struct state_draft *draft;
	struct store_change_builder *builder; /* says what is done to the draft */
	struct held held[HELD_MAX];
	struct state_backing backing;
	unsigned released;
	unsigned bulk; /* rows that are added, or taken out, at a time: at most */
};

static uint64_t next(struct walk *walk)
{
	walk->random ^= walk->random << 13;
	walk->random ^= walk->random >> 7;
	walk->random ^= walk->random << 17;
	return walk->random * 0x2545f4914f6cdd1d >> 16;
}

static uint32_t below(struct walk *walk, uint32_t n)
{
	return (uint32_t)(next(walk) % n);
}

/* --- Older roots --- */

static uint64_t mix(uint64_t digest, uint64_t word)
{
	return (digest ^ word) * 0x9e3779b97f4a7c15 + (digest >> 29);
}

static uint64_t mix_bytes(uint64_t digest, const void *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		digest = mix(digest, ((const uint8_t *)bytes)[i]);
	return digest;
}

static uint64_t mailbox_digest(const struct state_mailbox *mailbox, uint64_t digest)
{
	struct state_cursor cursor = state_cursor(mailbox);
	struct store_mailbox_info info;
	const struct vanished_run *runs;
	uint32_t n;

	state_mailbox_info(mailbox, &info);
	digest = mix_bytes(digest, info.name.ptr, info.name.len);
	info.name = (struct span){NULL, 0};
	digest = mix(mix(digest, info.highestmodseq), info.size_deleted);
	digest = mix(mix(mix(digest, info.unseen), info.deleted), info.uidnext);
	for (unsigned k = 0; k < state_keyword_count(mailbox); k++)
		digest = mix_bytes(digest, state_keyword(mailbox, k).ptr,
				   state_keyword(mailbox, k).len);
	for (uint32_t i = 0; i < info.messages; i++) {
		struct store_flags flags = state_flags(&cursor, i);

		digest = mix(mix(digest, state_uid(&cursor, i)), state_size(&cursor, i));
		digest = mix(mix(digest, state_message(&cursor, i)), state_modseq(&cursor, i));
		digest = mix(digest, (uint64_t)state_date(&cursor, i).utc_s);
		digest = mix(digest, (uint64_t)state_savedate(&cursor, i));
		digest = mix(mix(digest, flags.system), flags.keywords[0] ^ flags.keywords[1]);
	}
	state_vanished(mailbox, 0, &runs, &n);
	return mix_bytes(digest, runs, n * sizeof(*runs));
}

static uint64_t root_digest(const struct state *root)
{
	struct state_info info;
	uint64_t digest;

	state_info(root, &info);
	digest = mix(mix(info.change, info.modseq), info.bytes);
	for (uint32_t k = 0; k < info.mailboxes; k++)
		digest = mailbox_digest(state_mailbox_at(root, k), digest);
	for (uint64_t mid = 1; mid < info.mid_next; mid++)
		digest = mix_bytes(digest, state_mid(root, mid), sizeof(struct disk_mid));
	for (uint32_t k = 0; k < info.segments; k++)
		digest = mix_bytes(digest, state_segment(root, k), sizeof(struct disk_segment));
	return digest;
}

/* What the diff should say: both mailboxes' rows side by side. */
static void diff_compare(const struct state_mailbox *before, const struct state_mailbox *after)
{
	struct state_diff diff = state_diff(before, after);
	struct state_cursor a = state_cursor(before), b = state_cursor(after);
	struct store_mailbox_info a_info, b_info;
	struct state_diff_event event;
	uint32_t i = 0, k = 0;

	state_mailbox_info(before, &a_info);
	state_mailbox_info(after, &b_info);
	while (i < a_info.messages || k < b_info.messages) {
		uint32_t a_uid = i < a_info.messages ? state_uid(&a, i) : UINT32_MAX;
		uint32_t b_uid = k < b_info.messages ? state_uid(&b, k) : UINT32_MAX;
		enum state_diff_kind kind = a_uid < b_uid   ? STATE_DIFF_EXPUNGED
					    : b_uid < a_uid ? STATE_DIFF_ADDED
							    : STATE_DIFF_FLAGS;

		if (kind != STATE_DIFF_FLAGS || state_modseq(&a, i) != state_modseq(&b, k)) {
			assert_true(state_diff_next(&diff, &event));
			assert_int_equal(event.kind, kind);
			assert_int_equal(event.uid, a_uid < b_uid ? a_uid : b_uid);
			if (kind != STATE_DIFF_ADDED)
				assert_int_equal(event.index_before, i);
			if (kind != STATE_DIFF_EXPUNGED)
				assert_int_equal(event.index_after, k);
		}
		i += kind != STATE_DIFF_ADDED;
		k += kind != STATE_DIFF_EXPUNGED;
	}
	assert_false(state_diff_next(&diff, &event));
	assert_int_equal(event.kind, STATE_DIFF_END);
}

static void diffs_compare(const struct state *before, const struct state *after)
{
	struct state_info info;

	state_info(before, &info);
	for (uint32_t k = 0; k < info.mailboxes; k++) {
		const struct state_mailbox *old = state_mailbox_at(before, k);
		const struct state_mailbox *new = state_mailbox_numbered(after, state_number(old));

		if (new != NULL)
			diff_compare(old, new);
	}
}

/* Holds the root for a while in a place, whose root goes if it still is what it was. */
static void hold(struct walk *walk)
{
	struct held *held = &walk->held[below(walk, HELD_MAX)];

	if (held->root != NULL) {
		diffs_compare(held->root, walk->root);
		assert_true(root_digest(held->root) == held->digest);
		state_put(&held->root);
	}
	held->root = state_get(walk->root);
	held->digest = root_digest(walk->root);
}

static void let_go(struct walk *walk)
{
	for (unsigned k = 0; k < HELD_MAX; k++) {
		if (walk->held[k].root == NULL)
			continue;
		diffs_compare(walk->held[k].root, walk->root);
		assert_true(root_digest(walk->held[k].root) == walk->held[k].digest);
		state_put(&walk->held[k].root);
	}
}

/* --- Operations --- */

static const char *const names[] = {"INBOX", "a",	"a/b", "a/b/c", "a b",	   "b",
				    "b/a",   "INBOX/x", "c",   "c/b/a", "INBOXes", "d"};

static struct model_mailbox *any(struct walk *walk)
{
	return walk->model.mailboxes_n > 0
		       ? &walk->model.mailboxes[below(walk, walk->model.mailboxes_n)]
		       : NULL;
}

static void create(struct walk *walk)
{
	struct model *model = &walk->model;
	const char *name = names[below(walk, sizeof(names) / sizeof(names[0]))];
	struct model_mailbox *mailbox = &model->mailboxes[model->mailboxes_n];
	struct state_new_mailbox new = {.number = model->number_next,
					.attributes = STORE_SUBSCRIBED,
					.uidvalidity = model->uidvalidity_next + below(walk, 3),
					.name = span_of(name)};

	if (model->mailboxes_n == MODEL_MAILBOXES || model_named(model, name) != NULL)
		return;
	new.mailboxid[0] = (uint8_t)next(walk);
	*mailbox = (struct model_mailbox){.number = new.number,
					  .attributes = new.attributes,
					  .uidvalidity = new.uidvalidity,
					  .uidnext = 1,
					  .highestmodseq = model->modseq};
	memcpy(mailbox->mailboxid, new.mailboxid, 16);
	snprintf(mailbox->name, sizeof(mailbox->name), "%s", name);
	model->mailboxes_n++;
	model->number_next++;
	model->uidvalidity_next = new.uidvalidity + 1;
	assert_int_equal(state_draft_create(walk->draft, &new), 0);
	store_change_mailbox_create(walk->builder,
				    &(struct disk_mailbox_create){.mailbox = new.number,
								  .attributes = new.attributes,
								  .uidvalidity = new.uidvalidity,
								  .mailboxid = {new.mailboxid[0]}},
				    new.name);
}

static void delete_or_rename(struct walk *walk)
{
	struct model *model = &walk->model;
	struct model_mailbox *mailbox = any(walk);
	char name[16];
	size_t len;

	if (mailbox == NULL || strcmp(mailbox->name, "INBOX") == 0)
		return;
	if (below(walk, 3) == 0) {
		assert_int_equal(state_draft_delete(walk->draft, mailbox->number), 0);
		store_change_mailbox_delete(walk->builder, mailbox->number);
		model_delete(model, mailbox);
		return;
	}
	/* A name nothing has, nor has anything under it. */
	snprintf(name, sizeof(name), below(walk, 2) == 0 ? "r%u" : "a/r%u", below(walk, 1000));
	len = strlen(name);
	for (uint32_t k = 0; k < model->mailboxes_n; k++)
		if (memcmp(model->mailboxes[k].name, name, len) == 0)
			return;
	if (strlen(mailbox->name) > 20 || store_name_under(span_of(name), span_of(mailbox->name)))
		return;
	assert_int_equal(state_draft_rename(walk->draft, mailbox->number, span_of(name)), 0);
	store_change_mailbox_rename(walk->builder, mailbox->number, span_of(name));
	model_rename(model, mailbox, name);
}

static void attributes_or_keyword(struct walk *walk)
{
	struct model_mailbox *mailbox = any(walk);
	char *name;

	if (mailbox == NULL)
		return;
	if (below(walk, 4) == 0) {
		mailbox->attributes = STORE_USE_JUNK | (below(walk, 2) * STORE_SUBSCRIBED);
		assert_int_equal(
			state_draft_attributes(walk->draft, mailbox->number, mailbox->attributes),
			0);
	}
	for (uint32_t n = below(walk, 20); n > 0 && mailbox->keywords_n < MODEL_KEYWORDS; n--) {
		name = mailbox->keywords[mailbox->keywords_n];
		snprintf(name, 16, "$k%u", mailbox->keywords_n);
		assert_int_equal(state_draft_keyword(walk->draft, mailbox->number,
						     mailbox->keywords_n, span_of(name)),
				 0);
		store_change_keyword(walk->builder, mailbox->number, mailbox->keywords_n,
				     span_of(name));
		mailbox->keywords_n++;
	}
}

/* The last segment of the kind, or a new one. */
static uint32_t segment(struct walk *walk, enum format_kind kind)
{
	struct model *model = &walk->model;
	struct disk_segment new = {.kind = kind, .used = 64, .capacity = UINT32_MAX};
	uint32_t slot, found = UINT32_MAX;

	for (uint32_t k = 0; k < model->segments_n; k++)
		if (model->segments[k].kind == kind) {
			new.number = model->segments[k].number + 1;
			found = k;
		}
	if (found != UINT32_MAX && (model->segments_n == MODEL_SEGMENTS || below(walk, 50) > 0))
		return found;
	assert_int_equal(state_draft_segment(walk->draft, kind, new.number, new.capacity, &slot),
			 0);
	assert_int_equal(slot, model->segments_n);
	store_change_segment(walk->builder, kind, new.number, new.capacity);
	model->segments[model->segments_n++] = new;
	return slot;
}

static struct state_place place(struct walk *walk, enum format_kind kind, uint64_t mid,
				uint32_t length)
{
	uint32_t slot = segment(walk, kind);
	struct disk_segment *in = &walk->model.segments[slot];
	struct state_place at = {slot, (uint32_t)in->used, length};

	in->used += store_record_bytes(length);
	in->mid_first = in->mid_first == 0 ? mid : in->mid_first;
	in->mid_last = mid;
	return at;
}

/* A message with its derived bytes; its mid. */
static uint64_t message(struct walk *walk)
{
	struct model *model = &walk->model;
	uint64_t mid = model->mid_next++;
	struct state_place mail = place(walk, FORMAT_MAIL, mid, below(walk, 5000)), meta;
	uint8_t emailid[16] = {(uint8_t)next(walk)};

	assert_int_equal(state_draft_message(walk->draft, mid, &mail, emailid), 0);
	store_change_message(walk->builder,
			     &(struct disk_message){.mid = mid,
						    .segment = model->segments[mail.slot].number,
						    .off = mail.off,
						    .length = mail.length,
						    .emailid = {emailid[0]}},
			     (struct span){NULL, 0});
	meta = place(walk, FORMAT_META, mid, below(walk, 500));
	assert_int_equal(state_draft_place(walk->draft, mid, FORMAT_META, &meta, 7), 0);
	store_change_meta_place(walk->builder, &(struct disk_meta_place){
						       .mid = mid,
						       .segment = model->segments[meta.slot].number,
						       .off = meta.off,
						       .length = meta.length,
						       .prep_version = 7});
	model->mids = model_room(model->mids, mid - 1, sizeof(model->mids[0]));
	model->mids[mid - 1] = (struct disk_mid){0,	    mail.slot, mail.off,    mail.length,
						 meta.slot, meta.off,  meta.length, 7};
	model->emailids = model_room(model->emailids, mid - 1, 16);
	memcpy(model->emailids[mid - 1], emailid, 16);
	return mid;
}

static struct store_flags flags(struct walk *walk, const struct model_mailbox *mailbox)
{
	struct store_flags flags = {below(walk, 32), {next(walk), next(walk)}};
	uint32_t n = mailbox->keywords_n;

	flags.keywords[0] &= n >= 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;
	flags.keywords[1] &= n > 64 ? (UINT64_C(1) << (n - 64)) - 1 : 0;
	return flags;
}

static void add(struct walk *walk)
{
	struct model *model = &walk->model;
	struct model_mailbox *mailbox = any(walk);

	for (uint32_t n = mailbox != NULL ? 1 + below(walk, walk->bulk) : 0; n > 0; n--) {
		uint64_t mid = model->mid_next > 1 ? 1 + next(walk) % (model->mid_next - 1) : 0;
		struct rows_row row = {.uid = mailbox->uidnext,
				       .utc = (int64_t)next(walk),
				       .saved = (int64_t)next(walk),
				       .zone = (int16_t)next(walk),
				       .flags = flags(walk, mailbox)};

		if (below(walk, 20) == 0)
			row.uid += below(walk, 1000);
		if (mid == 0 || model->mids[mid - 1].references == 0 || below(walk, 2) == 0)
			mid = message(walk);
		row.mid = mid;
		row.size = model->mids[mid - 1].mail_len;
		assert_int_equal(state_draft_add(walk->draft, mailbox->number, &row), 0);
		store_change_add(walk->builder,
				 &(struct disk_add){
					 .mailbox = mailbox->number,
					 .uid = row.uid,
					 .mid = row.mid,
					 .utc_s = row.utc,
					 .saved_s = row.saved,
					 .keywords = {row.flags.keywords[0], row.flags.keywords[1]},
					 .size = row.size,
					 .system = (uint16_t)row.flags.system,
					 .zone_min = row.zone});
		model_add(model, mailbox, &row);
	}
}

/* A run that begins and ends at messages of the mailbox, or outside. False: there are none. */
static bool run(struct walk *walk, const struct model_mailbox *mailbox, uint32_t rows_max,
		uint32_t *first_r, uint32_t *last_r)
{
	uint32_t from, to;

	if (mailbox == NULL || mailbox->rows_n == 0)
		return false;
	from = below(walk, mailbox->rows_n);
	to = from + below(walk, rows_max);
	*first_r = mailbox->rows[from].uid;
	if (below(walk, 4) == 0)
		*first_r = from > 0 ? mailbox->rows[from - 1].uid + 1 : 1;
	*last_r = to < mailbox->rows_n ? mailbox->rows[to].uid : mailbox->uidnext - 1;
	return true;
}

/* Ends a record of runs, which must rise, by one that changes nothing. */
static void record_end(struct walk *walk)
{
	store_change_quota(walk->builder, walk->model.bytes_max, walk->model.messages_max);
}

static void flag(struct walk *walk)
{
	struct model_mailbox *mailbox = any(walk);
	uint32_t first, last;

	for (uint32_t n = 1 + below(walk, 10); n > 0; n--) {
		struct store_flags to;

		if (!run(walk, mailbox, below(walk, 3) == 0 ? walk->bulk : 1, &first, &last))
			return;
		to = flags(walk, mailbox);
		assert_int_equal(state_draft_flags(walk->draft, mailbox->number, first, last, &to),
				 0);
		record_end(walk);
		store_change_flags(walk->builder, mailbox->number,
				   &(struct disk_flags_run){first,
							    last,
							    {to.keywords[0], to.keywords[1]},
							    (uint16_t)to.system,
							    0,
							    0});
		model_flags(&walk->model, mailbox, first, last, &to);
	}
}

static void expunge(struct walk *walk)
{
	struct model_mailbox *mailbox = any(walk);
	uint32_t first, last;

	for (uint32_t n = 1 + below(walk, 5); n > 0; n--) {
		if (!run(walk, mailbox, below(walk, 3) == 0 ? walk->bulk : 4, &first, &last))
			return;
		assert_int_equal(state_draft_expunge(walk->draft, mailbox->number, first, last), 0);
		record_end(walk);
		store_change_expunge(walk->builder, mailbox->number, first, last);
		model_expunge(&walk->model, mailbox, first, last);
	}
}

static void limits(struct walk *walk)
{
	walk->model.bytes_max = next(walk);
	walk->model.messages_max = next(walk);
	assert_int_equal(
		state_draft_limits(walk->draft, walk->model.bytes_max, walk->model.messages_max),
		0);
}

static void operation(struct walk *walk)
{
	static void (*const operations[])(struct walk * walk) = {create,
								 create,
								 delete_or_rename,
								 attributes_or_keyword,
								 limits,
								 add,
								 add,
								 add,
								 flag,
								 flag,
								 flag,
								 flag,
								 expunge,
								 expunge};

	operations[below(walk, sizeof(operations) / sizeof(operations[0]))](walk);
}

/* What the change's bytes make of the root before is what the draft has become. */
static void replay(struct walk *walk)
{
	struct store_change change;
	struct span bytes;
	struct state *replayed;
	const char *fault;

	assert_int_equal(store_change_finish(walk->builder, &bytes), 0);
	assert_int_equal(store_change_open(bytes, &change), STORE_CHANGE_WHOLE);
	assert_int_equal(state_apply(walk->root, &change, &replayed, &fault), 0);
	assert_true(root_digest(replayed) == root_digest(state_draft_root(walk->draft)));
	state_put(&replayed);
}

/* One change, or one that is taken back. */
static void step(struct walk *walk)
{
	struct model before = {.mailboxes_n = 0};
	bool taken_back = below(walk, 6) == 0;
	uint64_t root_before = taken_back ? root_digest(walk->root) : 0;

	if (taken_back)
		model_copy(&before, &walk->model);
	walk->model.change++;
	walk->model.modseq += 1 + below(walk, 5);
	assert_int_equal(
		state_draft_begin(walk->root, walk->model.change, walk->model.modseq, &walk->draft),
		0);
	store_change_begin(walk->builder,
			   &(struct store_change_origin){.number = walk->model.change,
							 .modseq = walk->model.modseq});
	for (uint32_t n = 1 + below(walk, 4); n > 0; n--)
		operation(walk);
	replay(walk);
	model_compare(&walk->model, state_draft_root(walk->draft));
	if (taken_back) {
		state_draft_drop(&walk->draft);
		model_free(&walk->model);
		walk->model = before;
		assert_true(root_digest(walk->root) == root_before);
	} else {
		state_put(&walk->root);
		walk->root = state_draft_commit(&walk->draft);
	}
	if (below(walk, 3) > 0)
		state_reclaim(&walk->retired);
	hold(walk);
}

static void released(struct state_backing *backing)
{
	struct walk *walk = (struct walk *)((char *)backing - offsetof(struct walk, backing));

	walk->released++;
}

static void seed_run(unsigned long seed)
{
	struct walk walk = {.random = seed * 0x9e3779b97f4a7c15 + 1};
	struct span bytes;

	walk.builder = store_change_builder_create(FORMAT_CHANGE_BYTES_MAX);
	walk.bulk = seed % 40 == 0 ? 4000 : seed % 5 == 0 ? 700 : 40;
	walk.model = (struct model){.mid_next = 1,
				    .number_next = 1,
				    .uidvalidity_next = 5,
				    .bytes_max = FORMAT_QUOTA_NONE,
				    .messages_max = FORMAT_QUOTA_NONE};
	assert_int_equal(state_create(&walk.retired, 5, &walk.root), 0);
	for (unsigned k = 0; k < STEPS; k++)
		step(&walk);
	let_go(&walk);
	state_put(&walk.root);
	state_reclaim(&walk.retired);

	bytes = model_checkpoint(&walk.model);
	assert_null(store_checkpoint_open(bytes, NULL, &walk.backing.checkpoint));
	walk.backing.release = released;
	assert_int_equal(state_open(&walk.retired, &walk.backing, walk.model.change, &walk.root),
			 0);
	model_compare(&walk.model, walk.root);
	for (unsigned k = 0; k < STEPS; k++)
		step(&walk);
	let_go(&walk);
	state_put(&walk.root);
	assert_int_equal(walk.released, 0);
	assert_true(state_reclaim(&walk.retired) > 0);
	assert_int_equal(walk.released, 1);
	free((void *)(uintptr_t)bytes.ptr);
	model_free(&walk.model);
	store_change_builder_destroy(&walk.builder);
}

static void test_seeds(void **state)
{
	(void)state;
	for (seed_now = seed_first; seed_now < seed_first + seeds; seed_now++)
		seed_run(seed_now);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_seeds)};
	int failed;

	seeds = argc > 1 ? strtoul(argv[1], NULL, 10) : seeds;
	seed_first = argc > 2 ? strtoul(argv[2], NULL, 10) : seed_first;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	if (failed != 0)
		fprintf(stderr, "seed %lu\n", seed_now);
	return failed;
}
