/* SPDX-License-Identifier: Apache-2.0 */
#include "account_model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "memory_checkpoint.h"
#include "name.h"

/* Arrays have room for a multiple of ROOM entries, and for one more than are in use. */
enum { ROOM = 256 };

static void *copied(const void *array, uint64_t n, size_t width)
{
	void *copy = malloc((n / ROOM + 1) * ROOM * width);

	if (n > 0)
		memcpy(copy, array, n * width);
	return copy;
}

void *model_room(void *array, uint64_t n, size_t width)
{
	return n % ROOM == 0 ? realloc(array, (n + ROOM) * width) : array;
}

void model_copy(struct model *to, const struct model *from)
{
	*to = *from;
	to->mids = copied(from->mids, from->mid_next - 1, sizeof(from->mids[0]));
	to->emailids = copied(from->emailids, from->mid_next - 1, 16);
	for (uint32_t k = 0; k < to->mailboxes_n; k++) {
		struct model_mailbox *mailbox = &to->mailboxes[k];

		mailbox->rows = copied(mailbox->rows, mailbox->rows_n, sizeof(mailbox->rows[0]));
		mailbox->vanished = copied(mailbox->vanished, mailbox->vanished_n,
					   sizeof(mailbox->vanished[0]));
	}
}

static void mailbox_free(struct model_mailbox *mailbox)
{
	free(mailbox->rows);
	free(mailbox->vanished);
}

void model_free(struct model *model)
{
	for (uint32_t k = 0; k < model->mailboxes_n; k++)
		mailbox_free(&model->mailboxes[k]);
	free(model->mids);
	free(model->emailids);
	memset(model, 0, sizeof(*model));
}

void model_add(struct model *model, struct model_mailbox *mailbox, const struct rows_row *row)
{
	mailbox->rows = model_room(mailbox->rows, mailbox->rows_n, sizeof(mailbox->rows[0]));
	mailbox->rows[mailbox->rows_n] = *row;
	mailbox->rows[mailbox->rows_n++].modseq = model->modseq;
	mailbox->uidnext = row->uid + 1;
	mailbox->highestmodseq = model->modseq;
	model->mids[row->mid - 1].references++;
}

void model_flags(struct model *model, struct model_mailbox *mailbox, uint32_t first, uint32_t last,
		 const struct store_flags *flags)
{
	for (uint32_t i = 0; i < mailbox->rows_n; i++) {
		if (mailbox->rows[i].uid < first || mailbox->rows[i].uid > last)
			continue;
		mailbox->rows[i].flags = *flags;
		mailbox->rows[i].modseq = model->modseq;
	}
	mailbox->highestmodseq = model->modseq;
}

void model_expunge(struct model *model, struct model_mailbox *mailbox, uint32_t first,
		   uint32_t last)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < mailbox->rows_n; i++) {
		if (mailbox->rows[i].uid < first || mailbox->rows[i].uid > last)
			mailbox->rows[kept++] = mailbox->rows[i];
		else
			model->mids[mailbox->rows[i].mid - 1].references--;
	}
	mailbox->rows_n = kept;
	mailbox->highestmodseq = model->modseq;
	if (mailbox->vanished_n > 0 &&
	    mailbox->vanished[mailbox->vanished_n - 1].modseq == model->modseq &&
	    mailbox->vanished[mailbox->vanished_n - 1].last + 1 == first) {
		mailbox->vanished[mailbox->vanished_n - 1].last = last;
		return;
	}
	mailbox->vanished =
		model_room(mailbox->vanished, mailbox->vanished_n, sizeof(mailbox->vanished[0]));
	mailbox->vanished[mailbox->vanished_n++] =
		(struct vanished_run){model->modseq, first, last};
}

void model_delete(struct model *model, struct model_mailbox *mailbox)
{
	for (uint32_t i = 0; i < mailbox->rows_n; i++)
		model->mids[mailbox->rows[i].mid - 1].references--;
	mailbox_free(mailbox);
	*mailbox = model->mailboxes[--model->mailboxes_n];
}

void model_rename(struct model *model, const struct model_mailbox *mailbox, const char *name)
{
	char old[MODEL_NAME], rest[MODEL_NAME];
	size_t len = strlen(mailbox->name);

	memcpy(old, mailbox->name, MODEL_NAME);
	for (uint32_t k = 0; k < model->mailboxes_n; k++) {
		char *its = model->mailboxes[k].name;

		if (memcmp(its, old, len) != 0 || (its[len] != '\0' && its[len] != '/'))
			continue;
		memcpy(rest, its + len, MODEL_NAME - len);
		snprintf(its, MODEL_NAME, "%s%s", name, rest);
	}
}

struct model_mailbox *model_named(struct model *model, const char *name)
{
	for (uint32_t k = 0; k < model->mailboxes_n; k++)
		if (strcmp(model->mailboxes[k].name, name) == 0)
			return &model->mailboxes[k];
	return NULL;
}

static int by_name(const void *a, const void *b)
{
	const struct model_mailbox *const *left = a, *const *right = b;

	return store_name_compare(span_of((*left)->name), span_of((*right)->name));
}

static void in_order(struct model *model, struct model_mailbox *order_r[MODEL_MAILBOXES])
{
	for (uint32_t k = 0; k < model->mailboxes_n; k++)
		order_r[k] = &model->mailboxes[k];
	qsort(order_r, model->mailboxes_n, sizeof(order_r[0]), by_name);
}

/* The counters of its rows. */
static void counters(const struct model_mailbox *mailbox, struct store_mailbox_info *info_r)
{
	*info_r = (struct store_mailbox_info){.messages = mailbox->rows_n};
	for (uint32_t i = 0; i < mailbox->rows_n; i++) {
		const struct rows_row *row = &mailbox->rows[i];

		info_r->unseen += (row->flags.system & STORE_SEEN) == 0;
		info_r->deleted += (row->flags.system & STORE_DELETED) != 0;
		info_r->size += row->size;
		info_r->size_deleted += (row->flags.system & STORE_DELETED) != 0 ? row->size : 0;
	}
}

/* --- Comparing --- */

static void info_compare(const struct model_mailbox *model, const struct state_mailbox *mailbox)
{
	struct store_mailbox_info info, want;

	counters(model, &want);
	state_mailbox_info(mailbox, &info);
	assert_int_equal(state_number(mailbox), model->number);
	assert_true(span_eq(info.name, span_of(model->name)));
	assert_memory_equal(info.mailboxid, model->mailboxid, 16);
	assert_int_equal(info.attributes, model->attributes);
	assert_int_equal(info.uidvalidity, model->uidvalidity);
	assert_int_equal(info.uidnext, model->uidnext);
	assert_int_equal(info.highestmodseq, model->highestmodseq);
	assert_int_equal(info.messages, want.messages);
	assert_int_equal(info.unseen, want.unseen);
	assert_int_equal(info.deleted, want.deleted);
	assert_int_equal(info.size, want.size);
	assert_int_equal(info.size_deleted, want.size_deleted);
	assert_int_equal(state_keyword_count(mailbox), model->keywords_n);
	for (uint32_t k = 0; k < model->keywords_n; k++)
		assert_true(span_eq(state_keyword(mailbox, k), span_of(model->keywords[k])));
	assert_int_equal(state_keyword(mailbox, model->keywords_n).len, 0);
}

static bool row_same(const struct rows_row *row, struct state_cursor *cursor, uint32_t i)
{
	struct store_date date = state_date(cursor, i);
	struct store_flags flags = state_flags(cursor, i);

	return state_uid(cursor, i) == row->uid && state_size(cursor, i) == row->size &&
	       state_message(cursor, i) == row->mid && date.utc_s == row->utc &&
	       date.zone_min == row->zone && state_savedate(cursor, i) == row->saved &&
	       state_modseq(cursor, i) == row->modseq && flags.system == row->flags.system &&
	       flags.keywords[0] == row->flags.keywords[0] &&
	       flags.keywords[1] == row->flags.keywords[1];
}

static void rows_compare(const struct model_mailbox *model, const struct state_mailbox *mailbox)
{
	struct state_cursor cursor = state_cursor(mailbox);
	uint32_t step = model->rows_n / 7 + 1, uid = 0;

	for (uint32_t i = 0; i < model->rows_n; i++) {
		if (!row_same(&model->rows[i], &cursor, i))
			fail_msg("%s: row %u differs", model->name, i);
		/* Each UID of a gap, or of some of it, leads to the row behind it. */
		for (uint32_t asked = uid; asked <= model->rows[i].uid; asked++)
			if (asked < uid + 3 || asked + 3 > model->rows[i].uid)
				assert_int_equal(state_lower_bound(mailbox, asked), i);
		uid = model->rows[i].uid + 1;
	}
	assert_int_equal(state_lower_bound(mailbox, uid), model->rows_n);
	assert_int_equal(state_lower_bound(mailbox, UINT32_MAX), model->rows_n);
	for (uint32_t i = model->rows_n; i-- > 0; i = i > step ? i - step : 0)
		assert_true(row_same(&model->rows[i], &cursor, i)); /* the cursor goes back, too */
}

static void changed_compare(const struct model_mailbox *model, const struct state_mailbox *mailbox,
			    uint64_t modseq)
{
	uint32_t next = 0;

	for (uint32_t i = 0; i < model->rows_n; i++) {
		if (model->rows[i].modseq <= modseq)
			continue;
		assert_int_equal(state_changed(mailbox, next, modseq), i);
		next = i + 1;
	}
	assert_int_equal(state_changed(mailbox, next, modseq), model->rows_n);
}

static void vanished_compare(const struct model_mailbox *model, const struct state_mailbox *mailbox,
			     uint64_t modseq)
{
	const struct vanished_run *runs;
	uint32_t n, from = 0;

	assert_int_equal(state_vanished(mailbox, modseq, &runs, &n), modseq >= model->forgotten);
	while (from < model->vanished_n && model->vanished[from].modseq <= modseq)
		from++;
	assert_int_equal(n, model->vanished_n - from);
	if (n > 0)
		assert_memory_equal(runs, model->vanished + from, n * sizeof(runs[0]));
}

static void account_compare(const struct model *model, const struct state *root)
{
	struct state_info info;
	uint64_t bytes = 0, messages = 0;

	state_info(root, &info);
	assert_int_equal(info.change, model->change);
	assert_int_equal(info.modseq, model->modseq);
	assert_int_equal(info.mid_next, model->mid_next);
	assert_int_equal(info.uidvalidity_next, model->uidvalidity_next);
	assert_int_equal(info.number_next, model->number_next);
	assert_int_equal(info.mailboxes, model->mailboxes_n);
	assert_int_equal(info.segments, model->segments_n);
	assert_int_equal(info.bytes_max, model->bytes_max);
	assert_int_equal(info.messages_max, model->messages_max);
	for (uint32_t k = 0; k < model->mailboxes_n; k++) {
		struct store_mailbox_info want;

		counters(&model->mailboxes[k], &want);
		bytes += want.size;
		messages += want.messages;
	}
	assert_int_equal(info.bytes, bytes);
	assert_int_equal(info.messages, messages);
	for (uint64_t mid = 1; mid < model->mid_next; mid++) {
		assert_memory_equal(state_mid(root, mid), &model->mids[mid - 1],
				    sizeof(model->mids[0]));
		assert_memory_equal(state_emailid(root, mid), model->emailids[mid - 1], 16);
	}
	assert_null(state_mid(root, 0));
	assert_null(state_mid(root, model->mid_next));
	for (uint32_t k = 0; k < model->segments_n; k++)
		assert_memory_equal(state_segment(root, k), &model->segments[k],
				    sizeof(model->segments[0]));
	assert_null(state_segment(root, model->segments_n));
}

void model_compare(struct model *model, const struct state *root)
{
	struct model_mailbox *order[MODEL_MAILBOXES];

	account_compare(model, root);
	in_order(model, order);
	for (uint32_t k = 0; k < model->mailboxes_n; k++) {
		const struct state_mailbox *mailbox = state_mailbox_at(root, k);

		assert_ptr_equal(mailbox, state_mailbox_numbered(root, order[k]->number));
		assert_int_equal(state_mailbox_find(root, span_of(order[k]->name)), k);
		info_compare(order[k], mailbox);
		rows_compare(order[k], mailbox);
		for (unsigned back = 0; back < 4; back++) {
			uint64_t modseq = model->modseq - model->modseq * back / 3;

			changed_compare(order[k], mailbox, modseq);
			vanished_compare(order[k], mailbox, modseq);
		}
	}
	assert_null(state_mailbox_numbered(root, model->number_next));
	assert_int_equal(state_mailbox_find(root, span_of("nobody")), -ENOENT);
}

/* --- Checkpoint --- */

struct span model_checkpoint(struct model *model)
{
	struct model_mailbox *order[MODEL_MAILBOXES];
	struct memory_mailbox mailboxes[MODEL_MAILBOXES];
	const char *keywords[MODEL_MAILBOXES][MODEL_KEYWORDS];
	struct store_mailbox_info sums;

	in_order(model, order);
	for (uint32_t k = 0; k < model->mailboxes_n; k++) {
		struct model_mailbox *mailbox = order[k];

		counters(mailbox, &sums);
		mailboxes[k] = (struct memory_mailbox){
			.disk = {.messages = mailbox->rows_n,
				 .unseen = sums.unseen,
				 .deleted = sums.deleted,
				 .uidvalidity = mailbox->uidvalidity,
				 .uidnext = mailbox->uidnext,
				 .highestmodseq = mailbox->highestmodseq,
				 .size = sums.size,
				 .size_deleted = sums.size_deleted,
				 .attributes = mailbox->attributes,
				 .keywords = mailbox->keywords_n},
			.name = mailbox->name,
			.keywords = keywords[k],
			.rows = mailbox->rows,
		};
		memcpy(mailboxes[k].disk.mailboxid, mailbox->mailboxid, 16);
		for (uint32_t w = 0; w < mailbox->keywords_n; w++)
			keywords[k][w] = mailbox->keywords[w];
		mailbox->number = k + 1;
		mailbox->vanished_n = 0;
		mailbox->forgotten = mailbox->highestmodseq;
	}
	model->number_next = model->mailboxes_n + 1;
	/* A checkpoint has no limits yet. */
	model->bytes_max = model->messages_max = FORMAT_QUOTA_NONE;
	return memory_checkpoint_make(&(struct memory_checkpoint){
		.modseq = model->modseq,
		.mid_next = model->mid_next,
		.uidvalidity_next = model->uidvalidity_next,
		.mailboxes = mailboxes,
		.mailboxes_n = model->mailboxes_n,
		.segments = model->segments,
		.segments_n = model->segments_n,
		.mids = model->mids,
		.emailids = (const uint8_t(*)[16])model->emailids,
	});
}
