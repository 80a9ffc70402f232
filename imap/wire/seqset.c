/* SPDX-License-Identifier: Apache-2.0 */
#include "grammar.h"

#include "check.h"

/* Runs as they are collected. While `rising`, they are what wire.h promises: clients nearly
 * always send them so, and then nothing is ever sorted. */
struct collected {
	struct wire_run *runs;
	size_t n, max;
	bool rising;
};

/* Joins `run` to `last` where they overlap or touch; `run` begins no earlier. */
static bool run_join(struct wire_run *last, struct wire_run run)
{
	if (last->last != UINT32_MAX && run.first > last->last + 1)
		return false;
	if (run.last > last->last)
		last->last = run.last;
	return true;
}

static void sift(struct wire_run *runs, size_t root, size_t n)
{
	struct wire_run moved = runs[root];

	for (size_t child; (child = 2 * root + 1) < n; root = child) {
		if (child + 1 < n && runs[child].first < runs[child + 1].first)
			child++;
		if (runs[child].first <= moved.first)
			break;
		runs[root] = runs[child];
	}
	runs[root] = moved;
}

/* Heapsort: in place, without recursion, and no order of the input makes it slow. */
static void runs_sort(struct wire_run *runs, size_t n)
{
	for (size_t i = n / 2; i-- > 0;)
		sift(runs, i, n);
	for (size_t left = n; left-- > 1;) {
		struct wire_run largest = runs[0];

		runs[0] = runs[left];
		runs[left] = largest;
		sift(runs, 0, left);
	}
}

static void normalise(struct collected *set)
{
	size_t kept = 0;

	if (set->rising)
		return;
	runs_sort(set->runs, set->n);
	for (size_t i = 1; i < set->n; i++)
		if (!run_join(&set->runs[kept], set->runs[i]))
			set->runs[++kept] = set->runs[i];
	set->n = kept + 1;
	set->rising = true;
}

/* False when there is no room. Sorting must free a quarter of it, else a long list could make us
 * sort for every number it has. */
static bool collected_add(struct collected *set, struct wire_run run)
{
	struct wire_run *last = set->n > 0 ? &set->runs[set->n - 1] : NULL;

	if (last != NULL && run.first < last->first)
		set->rising = false;
	else if (last != NULL && run_join(last, run))
		return true;
	if (set->n == set->max) {
		normalise(set);
		if (set->n == set->max || set->n > set->max - set->max / 4)
			return false;
		last = &set->runs[set->n - 1];
		set->rising = run.first >= last->first;
		if (set->rising && run_join(last, run))
			return true;
	}
	set->runs[set->n++] = run;
	return true;
}

/* seq-number; * without a largest number is 0. */
static int seq_number(struct wire_cursor *at, uint32_t star, uint32_t *number_r)
{
	if (!wire_at(at, '*'))
		return grammar_nz_number(at, number_r);
	*number_r = star;
	at->ptr++;
	return at->ptr < at->end ? 1 : WIRE_NEED_MORE;
}

/* seq-number or seq-range, whose ends may stand in either order. */
static int seq_range(struct wire_cursor *at, uint32_t star, struct wire_run *run_r)
{
	uint32_t first, last;
	int rc = seq_number(at, star, &first);

	if (rc < 0)
		return rc;
	last = first;
	if (wire_at(at, ':')) {
		at->ptr++;
		rc = seq_number(at, star, &last);
		if (rc < 0)
			return rc;
	}
	*run_r = first < last ? (struct wire_run){first, last} : (struct wire_run){last, first};
	return 1;
}

int wire_seqset(struct wire_cursor *cursor, uint32_t star, struct wire_run *runs, size_t runs_max,
		size_t *runs_n_r, bool *full_r)
{
	struct collected set = {.runs = runs, .max = runs_max, .rising = true};
	struct wire_cursor at = *cursor;
	struct wire_run run;

	ASSERT(runs_max > 0);
	*full_r = false;
	for (;; at.ptr++) {
		int rc = seq_range(&at, star, &run);

		if (rc < 0)
			return rc;
		/* A range up to a * that stands for nothing is empty. */
		if (run.first != 0 && !collected_add(&set, run)) {
			*full_r = true;
			return WIRE_BAD;
		}
		if (!wire_at(&at, ','))
			break;
	}
	normalise(&set);
	*runs_n_r = set.n;
	return grammar_moved(cursor, at.ptr);
}

bool wire_seqset_has(const struct wire_run *runs, size_t runs_n, uint32_t number)
{
	size_t from = 0, to = runs_n;

	/* The runs before `from` end below the number, those from `to` on do not. */
	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (runs[middle].last < number)
			from = middle + 1;
		else
			to = middle;
	}
	return from < runs_n && runs[from].first <= number;
}
