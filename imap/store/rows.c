/* SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "check.h"
#include "leaf.h"

enum {
	FAN = 32,     /* 256 rows, 32 and 32: three levels reach 262,144 rows, five any mailbox */
	MORE = 3,     /* carving makes at most three leaves of one */
	FEW = FAN / 4 /* a node of fewer children is joined with a neighbour */
};

#define ROWS_TOGETHER (ROWS_CHUNK / 2) /* neighbours that fit this are made one */

struct node {
	uint32_t references; /* first, as in a leaf */
	uint32_t n;
	void *child[FAN + MORE];
	uint32_t end[FAN + MORE]; /* rows up to and with this child */
	uint32_t uid_last[FAN + MORE];
	uint64_t modseq_max[FAN + MORE];
};

static uint32_t item_rows(const void *item, uint32_t height)
{
	const struct node *node = item;

	return height == 0 ? ((const struct rows_leaf *)item)->rows : node->end[node->n - 1];
}

/* The child with row `index`. */
static uint32_t child_at(const struct node *node, uint32_t index)
{
	uint32_t k = 0;

	while (node->end[k] <= index)
		k++;
	return k;
}

static uint32_t child_first(const struct node *node, uint32_t k)
{
	return k > 0 ? node->end[k - 1] : 0;
}

/* --- Reading --- */

uint32_t rows_count(const struct rows *rows)
{
	return rows->top != NULL ? item_rows(rows->top, rows->height) : 0;
}

const struct rows_leaf *rows_find(const struct rows *rows, uint32_t index, uint32_t *first_r)
{
	const void *item = rows->top;
	uint32_t first = 0;

	ASSERT(index < rows_count(rows));
	for (uint32_t height = rows->height; height > 0; height--) {
		const struct node *node = item;
		uint32_t k = child_at(node, index - first);

		first += child_first(node, k);
		item = node->child[k];
	}
	*first_r = first;
	return item;
}

uint32_t rows_lower_bound(const struct rows *rows, uint32_t uid)
{
	const void *item = rows->top;
	const struct rows_leaf *leaf;
	uint32_t first = 0, low = 0, high;

	if (item == NULL)
		return 0;
	for (uint32_t height = rows->height; height > 0; height--) {
		const struct node *node = item;
		uint32_t k = 0;

		while (k < node->n && node->uid_last[k] < uid)
			k++;
		if (k == node->n)
			return first + node->end[k - 1];
		first += child_first(node, k);
		item = node->child[k];
	}
	leaf = item;
	for (high = leaf->rows; low < high;) {
		uint32_t middle = low + (high - low) / 2;

		if (leaf->uid[middle] < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return first + low;
}

static uint32_t leaf_changed(const struct rows_leaf *leaf, uint32_t from, uint64_t modseq)
{
	for (uint32_t i = from; i < leaf->rows; i++) {
		if (leaf_is_extent(leaf) && (i % ROWS_CHUNK == 0 || i == from) &&
		    leaf->chunks[i / ROWS_CHUNK].modseq_max <= modseq) {
			i |= ROWS_CHUNK - 1; /* the last of the chunk */
			continue;
		}
		if (rows_modseq(leaf, i) > modseq)
			return i;
	}
	return leaf->rows;
}

/* Of an item with such rows by its modseq_max; an extent's may promise too much. */
static uint32_t item_changed(const void *item, uint32_t height, uint32_t from, uint64_t modseq)
{
	const struct node *node = item;

	if (height == 0)
		return leaf_changed(item, from, modseq);
	for (uint32_t k = child_at(node, from); k < node->n; k++) {
		uint32_t first = child_first(node, k), found;

		if (node->modseq_max[k] <= modseq)
			continue;
		found = first + item_changed(node->child[k], height - 1,
					     from > first ? from - first : 0, modseq);
		if (found < node->end[k])
			return found;
	}
	return node->end[node->n - 1];
}

uint32_t rows_changed(const struct rows *rows, uint32_t from, uint64_t modseq)
{
	if (from >= rows_count(rows))
		return rows_count(rows);
	return item_changed(rows->top, rows->height, from, modseq);
}

/* --- Items --- */

static void item_put(void *item, uint32_t height)
{
	struct node *node = item;

	if (height == 0) {
		leaf_put(item);
	} else if (--node->references == 0) {
		for (uint32_t k = 0; k < node->n; k++)
			item_put(node->child[k], height - 1);
		free(node);
	}
}

static struct node *node_copy(const struct node *node)
{
	struct node *copy = malloc(sizeof(*copy));

	if (copy == NULL)
		return NULL;
	*copy = *node;
	copy->references = 1;
	for (uint32_t k = 0; k < copy->n; k++)
		++*(uint32_t *)copy->child[k];
	return copy;
}

/* Makes the item in the slot one that nothing else holds, when its holder is. */
static bool exclusive(void **slot, uint32_t height)
{
	void *copy;

	if (*(uint32_t *)*slot == 1)
		return true;
	copy = height > 0 ? (void *)node_copy(*slot) : (void *)leaf_copy(*slot);
	if (copy == NULL)
		return false;
	--*(uint32_t *)*slot;
	*slot = copy;
	return true;
}

/* Items that come where one was, each counted once. */
struct put_in {
	void *item[1 + MORE];
	uint32_t n;
};

static void child_set(struct node *node, uint32_t height, uint32_t k, void *item, uint32_t first)
{
	const struct rows_leaf *leaf = item;
	const struct node *child = item;

	node->child[k] = item;
	node->end[k] = first + item_rows(item, height - 1);
	if (height == 1) {
		node->uid_last[k] = leaf->uid[leaf->rows - 1];
		node->modseq_max[k] = leaf->modseq_max;
		return;
	}
	node->uid_last[k] = child->uid_last[child->n - 1];
	node->modseq_max[k] = 0;
	for (uint32_t i = 0; i < child->n; i++)
		if (child->modseq_max[i] > node->modseq_max[k])
			node->modseq_max[k] = child->modseq_max[i];
}

/* Moves the children from `from` on so that the first of them becomes number `to`. */
static void children_move(struct node *node, uint32_t to, uint32_t from)
{
	uint32_t n = node->n - from;

	memmove(node->child + to, node->child + from, n * sizeof(node->child[0]));
	memmove(node->end + to, node->end + from, n * sizeof(node->end[0]));
	memmove(node->uid_last + to, node->uid_last + from, n * sizeof(node->uid_last[0]));
	memmove(node->modseq_max + to, node->modseq_max + from, n * sizeof(node->modseq_max[0]));
	node->n = to + n;
}

/* Puts items where child k was, which is theirs already. */
static void children_put(struct node *node, uint32_t height, uint32_t k, const struct put_in *put)
{
	uint32_t at = child_first(node, k), was = node->end[k];

	ASSERT(node->n + put->n <= FAN + MORE + 1);
	children_move(node, k + put->n, k + 1);
	for (uint32_t i = 0; i < put->n; i++) {
		child_set(node, height, k + i, put->item[i], at);
		at = node->end[k + i];
	}
	for (uint32_t i = k + put->n; i < node->n; i++)
		node->end[i] += at - was;
}

/* The upper half as a node of its own. */
static struct node *node_halve(struct node *node)
{
	uint32_t kept = node->n / 2;
	struct node *upper = malloc(sizeof(*upper));

	if (upper == NULL)
		return NULL;
	*upper = *node;
	upper->references = 1;
	children_move(upper, 0, kept);
	for (uint32_t k = 0; k < upper->n; k++)
		upper->end[k] -= node->end[kept - 1];
	node->n = kept;
	return upper;
}

/* Child k has few children: joins it with a neighbour, where both fit one. */
static int child_join(struct node *node, uint32_t height, uint32_t k)
{
	struct node *left, *right;

	if (node->n == 1)
		return 0;
	k -= k == node->n - 1;
	left = node->child[k];
	right = node->child[k + 1];
	if (left->n + right->n > FAN)
		return 0;
	if (!exclusive(&node->child[k], height - 1) || !exclusive(&node->child[k + 1], height - 1))
		return -ENOMEM;
	left = node->child[k];
	right = node->child[k + 1];
	for (uint32_t i = 0; i < right->n; i++)
		child_set(left, height - 1, left->n + i, right->child[i],
			  left->end[left->n + i - 1]);
	left->n += right->n;
	free(right);
	children_move(node, k + 1, k + 2);
	child_set(node, height, k, left, child_first(node, k));
	return 0;
}

/* Makes the path to the leaf of row `index` one that nothing else holds. The leaf's place, NULL: no
 * memory. */
static void **path_own(struct rows *rows, uint32_t index, uint64_t modseq)
{
	void **slot = &rows->top;

	for (uint32_t height = rows->height; height > 0; height--) {
		struct node *node;
		uint32_t k;

		if (!exclusive(slot, height))
			return NULL;
		node = *slot;
		k = child_at(node, index);
		index -= child_first(node, k);
		if (modseq > node->modseq_max[k])
			node->modseq_max[k] = modseq;
		slot = &node->child[k];
	}
	return slot;
}

/*
 * Puts leaves where that of row `index` of the item is; the path to it is the writer's own. What
 * comes where the item was, of its height, comes in put_r: also after -ENOMEM, when a node may
 * have more than FAN children.
 */
static int splice(void *item, uint32_t height, uint32_t index, const struct put_in *leaves,
		  struct put_in *put_r)
{
	struct node *node = item, *upper;
	struct put_in put;
	uint32_t k;
	int status;

	if (height == 0) {
		leaf_put(item);
		*put_r = *leaves;
		return 0;
	}
	k = child_at(node, index);
	status = splice(node->child[k], height - 1, index - child_first(node, k), leaves, &put);
	children_put(node, height, k, &put);
	*put_r = (struct put_in){{node}, 1};
	if (node->n == 0) {
		free(node);
		put_r->n = 0;
	} else if (node->n > FAN && status == 0) {
		upper = node_halve(node);
		if (upper == NULL)
			return -ENOMEM;
		put_r->item[put_r->n++] = upper;
	} else if (height > 1 && put.n == 1 && ((struct node *)put.item[0])->n < FEW) {
		return status != 0 ? status : child_join(node, height, k);
	}
	return status;
}

static void put_in_free(const struct put_in *put, uint32_t height)
{
	for (uint32_t k = 0; k < put->n; k++)
		item_put(put->item[k], height);
}

/* The top over what came where it was: a level more, or some fewer. */
static int top_set(struct rows *rows, const struct put_in *put)
{
	struct node *node;

	rows->top = put->n > 0 ? put->item[0] : NULL;
	if (put->n > 1) {
		node = malloc(sizeof(*node));
		if (node == NULL) {
			put_in_free(put, rows->height);
			*rows = (struct rows){.top = NULL};
			return -ENOMEM;
		}
		node->references = 1;
		node->n = put->n;
		rows->height++;
		ASSERT(rows->height < ROWS_HEIGHT_MAX);
		for (uint32_t k = 0; k < put->n; k++)
			child_set(node, rows->height, k, put->item[k], child_first(node, k));
		rows->top = node;
	}
	while (rows->height > 0 && rows->top != NULL && ((struct node *)rows->top)->n == 1) {
		void *child = ((struct node *)rows->top)->child[0];

		++*(uint32_t *)child;
		item_put(rows->top, rows->height--);
		rows->top = child;
	}
	if (rows->top == NULL)
		rows->height = 0;
	return 0;
}

/* Puts leaves where that of row `index` is. Takes their counts, whatever happens. */
static int replace(struct rows *rows, uint32_t index, const struct put_in *leaves)
{
	struct put_in put;
	int status, top_status;

	for (uint32_t k = 0; k < leaves->n; k++)
		ASSERT(((struct rows_leaf *)leaves->item[k])->rows > 0);
	if (path_own(rows, index, 0) == NULL) {
		put_in_free(leaves, 0);
		return -ENOMEM;
	}
	status = splice(rows->top, rows->height, index, leaves, &put);
	top_status = top_set(rows, &put);
	return status != 0 ? status : top_status;
}

/* --- Changing --- */

int rows_open(struct rows *rows_r, const struct store_columns *columns, uint32_t count,
	      uint64_t modseq_max)
{
	struct rows_leaf *leaf;

	*rows_r = (struct rows){.top = NULL};
	if (count == 0)
		return 0;
	leaf = malloc(sizeof(*leaf));
	if (leaf == NULL)
		return -ENOMEM;
	*leaf = (struct rows_leaf){
		.references = 1,
		.rows = count,
		.modseq_max = modseq_max,
		.uid = columns->uid,
		.size = columns->size,
		.mid = columns->mid,
		.utc = columns->utc,
		.saved = columns->saved,
		.zone = columns->zone,
		.chunks = columns->chunks,
	};
	rows_r->top = leaf;
	return 0;
}

/* Makes rows [from, to) of an extent, which begins at row `first`, a leaf of their own. */
static int carve(struct rows *rows, uint32_t first, const struct rows_leaf *leaf, uint32_t from,
		 uint32_t to)
{
	const uint32_t cut[] = {0, from, to, leaf->rows};
	struct put_in put = {.n = 0};

	for (unsigned k = 0; k < 3; k++) {
		if (cut[k] == cut[k + 1])
			continue;
		put.item[put.n] = leaf_extent(leaf, cut[k], cut[k + 1]);
		if (put.item[put.n] == NULL) {
			put_in_free(&put, 0);
			return -ENOMEM;
		}
		put.n++;
	}
	return replace(rows, first, &put);
}

/* Sees to it that row `index` is in a chunk, not in a longer extent, and that it can be right. */
static int isolate(struct rows *rows, uint32_t index)
{
	uint32_t first, from, to;
	const struct rows_leaf *leaf = rows_find(rows, index, &first);
	int status;

	if (leaf->rows > ROWS_CHUNK) {
		from = (index - first) / ROWS_CHUNK * ROWS_CHUNK;
		to = leaf->rows - from > ROWS_CHUNK ? from + ROWS_CHUNK : leaf->rows;
		status = carve(rows, first, leaf, from, to);
		if (status != 0)
			return status;
		leaf = rows_find(rows, index, &first);
	}
	return !leaf_is_extent(leaf) || leaf_valid(leaf) ? 0 : -EIO;
}

/* A row in a leaf of its own behind all others. */
static int append_leaf(struct rows *rows, const struct rows_row *row)
{
	struct rows_leaf *leaf = leaf_of(row), *last;
	uint32_t count = rows_count(rows);
	void **slot;

	if (leaf == NULL)
		return -ENOMEM;
	if (count == 0) {
		*rows = (struct rows){leaf, 0};
		return 0;
	}
	slot = path_own(rows, count - 1, 0);
	if (slot == NULL) {
		leaf_put(leaf);
		return -ENOMEM;
	}
	last = *slot;
	last->references++;
	return replace(rows, count - 1, &(struct put_in){{last, leaf}, 2});
}

int rows_append(struct rows *rows, const struct rows_row *row)
{
	uint32_t first, count = rows_count(rows);
	const struct rows_leaf *leaf = count > 0 ? rows_find(rows, count - 1, &first) : NULL;
	void **slot;
	int status;

	if (leaf != NULL && leaf->uid[leaf->rows - 1] >= row->uid)
		return -EIO;
	if (leaf == NULL || leaf->rows >= ROWS_CHUNK)
		return append_leaf(rows, row);
	status = isolate(rows, count - 1);
	if (status != 0)
		return status;
	slot = path_own(rows, count - 1, row->modseq);
	if (slot == NULL || !exclusive(slot, 0))
		return -ENOMEM;
	status = leaf_append(*slot, row);
	if (status != 0)
		return status;
	slot = &rows->top;
	for (uint32_t height = rows->height; height > 0; height--) {
		struct node *node = *slot;

		node->end[node->n - 1]++;
		node->uid_last[node->n - 1] = row->uid;
		slot = &node->child[node->n - 1];
	}
	return 0;
}

int rows_flags_set(struct rows *rows, uint32_t index, const struct store_flags *flags,
		   uint64_t modseq)
{
	struct disk_chunk *chunk;
	struct rows_leaf *leaf;
	uint32_t first;
	void **slot;
	int status = isolate(rows, index);

	if (status != 0)
		return status;
	rows_find(rows, index, &first);
	slot = path_own(rows, index, modseq);
	if (slot == NULL || !exclusive(slot, 0))
		return -ENOMEM;
	leaf = *slot;
	chunk = leaf_changing(leaf);
	if (chunk == NULL)
		return -ENOMEM;
	chunk->modseq[index - first] = modseq;
	chunk->system[index - first] = (uint16_t)flags->system;
	memcpy(chunk->keywords[index - first], flags->keywords, sizeof(flags->keywords));
	leaf->modseq_max = modseq;
	return 0;
}

/* Makes the leaves on both sides of row `index` one, if they are two and fit together. */
static int join_at(struct rows *rows, uint32_t index)
{
	const struct rows_leaf *left, *right;
	struct rows_leaf *joined;
	uint32_t left_first, right_first;
	int status;

	if (index == 0 || index >= rows_count(rows))
		return 0;
	left = rows_find(rows, index - 1, &left_first);
	right = rows_find(rows, index, &right_first);
	if (left == right || left->rows > ROWS_TOGETHER || right->rows > ROWS_TOGETHER ||
	    left->rows + right->rows > ROWS_TOGETHER)
		return 0;
	if ((leaf_is_extent(left) && !leaf_valid(left)) ||
	    (leaf_is_extent(right) && !leaf_valid(right)))
		return -EIO;
	joined = leaf_join(left, 0, 0, right);
	if (joined == NULL)
		return -ENOMEM;
	status = replace(rows, right_first, &(struct put_in){.n = 0});
	if (status != 0) {
		leaf_put(joined);
		return status;
	}
	return replace(rows, left_first, &(struct put_in){{joined}, 1});
}

/* Takes rows out of a chunk, but not all. */
static int compact(struct rows *rows, uint32_t first, const struct rows_leaf *leaf, uint32_t skip,
		   uint32_t skip_n)
{
	struct rows_leaf *compacted = leaf_join(leaf, skip, skip_n, NULL);
	uint32_t end = first + leaf->rows - skip_n;
	int status;

	if (compacted == NULL)
		return -ENOMEM;
	status = replace(rows, first, &(struct put_in){{compacted}, 1});
	if (status == 0)
		status = join_at(rows, end);
	return status != 0 ? status : join_at(rows, first);
}

/* Takes rows out of one leaf, from `index` on, at most `count`; how many in removed_r, which may
 * be 0 when the leaf was cut first. */
static int remove_some(struct rows *rows, uint32_t index, uint32_t count, uint32_t *removed_r)
{
	uint32_t first, skip, skip_n;
	const struct rows_leaf *leaf = rows_find(rows, index, &first);
	int status;

	skip = index - first;
	skip_n = leaf->rows - skip < count ? leaf->rows - skip : count;
	*removed_r = 0;
	if (leaf->rows > ROWS_CHUNK && skip_n < leaf->rows) {
		/* Whole chunks go as one piece, others one by one. */
		uint32_t whole = skip % ROWS_CHUNK != 0	       ? 0
				 : skip + skip_n == leaf->rows ? skip_n
							       : skip_n / ROWS_CHUNK * ROWS_CHUNK;

		return whole > 0 ? carve(rows, first, leaf, skip, skip + whole)
				 : isolate(rows, index);
	}
	*removed_r = skip_n;
	if (skip_n == leaf->rows) {
		status = replace(rows, index, &(struct put_in){.n = 0});
		return status != 0 ? status : join_at(rows, index);
	}
	status = isolate(rows, index);
	if (status != 0)
		return status;
	return compact(rows, first, leaf, skip, skip_n);
}

int rows_remove(struct rows *rows, uint32_t index, uint32_t count)
{
	uint32_t removed;

	ASSERT(index <= rows_count(rows) && count <= rows_count(rows) - index);
	for (; count > 0; count -= removed) {
		int status = remove_some(rows, index, count, &removed);

		if (status != 0)
			return status;
	}
	return 0;
}

struct rows rows_share(const struct rows *rows)
{
	if (rows->top != NULL)
		++*(uint32_t *)rows->top;
	return *rows;
}

void rows_free(struct rows *rows)
{
	if (rows->top != NULL)
		item_put(rows->top, rows->height);
	*rows = (struct rows){.top = NULL};
}

/* --- Walking --- */

void rows_walk_begin(struct rows_walk *walk, const struct rows *rows)
{
	walk->depth = 0;
	walk->item = rows->top;
	walk->height = rows->height;
	walk->index = 0;
}

void rows_walk_down(struct rows_walk *walk)
{
	const struct node *node = walk->item;

	ASSERT(walk->height > 0 && walk->depth < ROWS_HEIGHT_MAX);
	walk->up[walk->depth].node = node;
	walk->up[walk->depth++].next = 1;
	walk->item = node->child[0];
	walk->height--;
}

void rows_walk_next(struct rows_walk *walk)
{
	walk->index += item_rows(walk->item, walk->height);
	for (; walk->depth > 0; walk->depth--, walk->height++) {
		const struct node *node = walk->up[walk->depth - 1].node;
		uint32_t k = walk->up[walk->depth - 1].next;

		if (k < node->n) {
			walk->item = node->child[k];
			walk->up[walk->depth - 1].next = k + 1;
			return;
		}
	}
	walk->item = NULL;
}
