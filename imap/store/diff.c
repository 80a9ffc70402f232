/* SPDX-License-Identifier: Apache-2.0 */
#include "diff.h"

#include "check.h"
#include "root.h"

struct state_diff state_diff(const struct state_mailbox *before, const struct state_mailbox *after)
{
	struct state_diff diff;

	ASSERT(before->number == after->number && before->uidvalidity == after->uidvalidity);
	rows_walk_begin(&diff.before.walk, &before->rows);
	rows_walk_begin(&diff.after.walk, &after->rows);
	diff.before.i = diff.after.i = 0;
	return diff;
}

/* Passes over rows of the side's leaf. */
static void rows_pass(struct state_diff_side *side, uint32_t rows)
{
	const struct rows_leaf *leaf = side->walk.item;

	side->i += rows;
	if (side->i == leaf->rows) {
		rows_walk_next(&side->walk);
		side->i = 0;
	}
}

/*
 * Passes over what both share from here on, or goes a step down where they may share something
 * further below. False: both are at a row, or at their end.
 */
static bool shared_pass(struct state_diff *diff)
{
	struct state_diff_side *a = &diff->before, *b = &diff->after;

	if (a->walk.item == b->walk.item && a->i == 0 && b->i == 0 && a->walk.item != NULL) {
		rows_walk_next(&a->walk);
		rows_walk_next(&b->walk);
		return true;
	}
	if (a->walk.item != NULL && a->walk.height > 0 &&
	    (b->walk.item == NULL || a->walk.height >= b->walk.height)) {
		rows_walk_down(&a->walk);
		return true;
	}
	if (b->walk.item != NULL && b->walk.height > 0) {
		rows_walk_down(&b->walk);
		return true;
	}
	return false;
}

/* How many rows from here on are the same columns in memory: both of one checkpoint. */
static uint32_t rows_same(const struct state_diff_side *a, const struct state_diff_side *b)
{
	const struct rows_leaf *before = a->walk.item, *after = b->walk.item;
	uint32_t a_left = before->rows - a->i, b_left = after->rows - b->i;

	if (before->changed != NULL || after->changed != NULL ||
	    before->uid + a->i != after->uid + b->i)
		return 0;
	return a_left < b_left ? a_left : b_left;
}

static uint32_t side_uid(const struct state_diff_side *side)
{
	const struct rows_leaf *leaf = side->walk.item;

	return leaf->uid[side->i];
}

/* Looks at one row of each side; false: they are the same. */
static bool row_compare(struct state_diff *diff, struct state_diff_event *event_r)
{
	struct state_diff_side *a = &diff->before, *b = &diff->after;
	uint32_t a_uid = a->walk.item != NULL ? side_uid(a) : UINT32_MAX;
	uint32_t b_uid = b->walk.item != NULL ? side_uid(b) : UINT32_MAX;
	bool differ = true;

	*event_r = (struct state_diff_event){
		.uid = a_uid < b_uid ? a_uid : b_uid,
		.index_before = a->walk.index + a->i,
		.index_after = b->walk.index + b->i,
	};
	if (b->walk.item == NULL || (a->walk.item != NULL && a_uid < b_uid)) {
		event_r->kind = STATE_DIFF_EXPUNGED;
		rows_pass(a, 1);
	} else if (a->walk.item == NULL || b_uid < a_uid) {
		event_r->kind = STATE_DIFF_ADDED;
		rows_pass(b, 1);
	} else {
		event_r->kind = STATE_DIFF_FLAGS;
		differ = rows_modseq(a->walk.item, a->i) != rows_modseq(b->walk.item, b->i);
		rows_pass(a, 1);
		rows_pass(b, 1);
	}
	return differ;
}

bool state_diff_next(struct state_diff *diff, struct state_diff_event *event_r)
{
	struct state_diff_side *a = &diff->before, *b = &diff->after;

	for (;;) {
		uint32_t same;

		if (shared_pass(diff))
			continue;
		if (a->walk.item == NULL && b->walk.item == NULL) {
			*event_r = (struct state_diff_event){.kind = STATE_DIFF_END};
			return false;
		}
		same = a->walk.item != NULL && b->walk.item != NULL ? rows_same(a, b) : 0;
		if (same > 0) {
			rows_pass(a, same);
			rows_pass(b, same);
		} else if (row_compare(diff, event_r)) {
			return true;
		}
	}
}
