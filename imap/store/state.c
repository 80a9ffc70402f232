/* SPDX-License-Identifier: Apache-2.0 */
#include "state.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "check.h"
#include "name.h"
#include "root.h"

/* --- Parts --- */

struct state_text *state_text_new(struct span bytes)
{
	struct state_text *text = malloc(sizeof(*text) + bytes.len);

	if (text == NULL)
		return NULL;
	text->references = 1;
	text->len = (uint32_t)bytes.len;
	memcpy(text->bytes, bytes.ptr, bytes.len);
	return text;
}

void state_text_put(struct state_text *text)
{
	if (text != NULL && --text->references == 0)
		free(text);
}

void state_keywords_put(struct state_keywords *keywords)
{
	if (keywords == NULL || --keywords->references > 0)
		return;
	for (uint32_t k = 0; k < keywords->n; k++)
		state_text_put(keywords->name[k]);
	free(keywords);
}

struct state_mailbox *state_mailbox_copy(const struct state_mailbox *mailbox)
{
	struct state_mailbox *copy = malloc(sizeof(*copy));

	if (copy == NULL)
		return NULL;
	*copy = *mailbox;
	copy->references = 1;
	copy->rows = rows_share(&mailbox->rows);
	copy->vanished = vanished_share(&mailbox->vanished);
	if (copy->name_own != NULL)
		copy->name_own->references++;
	if (copy->keywords_own != NULL)
		copy->keywords_own->references++;
	return copy;
}

void state_mailbox_put(struct state_mailbox *mailbox)
{
	if (mailbox == NULL || --mailbox->references > 0)
		return;
	rows_free(&mailbox->rows);
	vanished_free(&mailbox->vanished);
	state_text_put(mailbox->name_own);
	state_keywords_put(mailbox->keywords_own);
	free(mailbox);
}

/* --- Roots --- */

static void entry_get(const void *entry)
{
	struct state_mailbox *mailbox = *(struct state_mailbox *const *)entry;

	if (mailbox != NULL)
		mailbox->references++;
}

static void entry_put(const void *entry)
{
	state_mailbox_put(*(struct state_mailbox *const *)entry);
}

static struct state *root_new(struct state_retired *retired, uint32_t mailboxes)
{
	/* Of mailboxes few to a page: a copied page counts each of them. */
	static const struct pages_kind mailbox_kind = {sizeof(struct state_mailbox *), 4, entry_get,
						       entry_put};
	static const struct pages_kind mid_kind = {sizeof(struct disk_mid), 8, NULL, NULL};
	static const struct pages_kind emailid_kind = {16, 8, NULL, NULL};
	static const struct pages_kind segment_kind = {sizeof(struct disk_segment), 4, NULL, NULL};
	struct state *root = calloc(1, sizeof(*root));
	struct state_order *order = malloc(sizeof(*order) + mailboxes * sizeof(order->number[0]));

	if (root == NULL || order == NULL) {
		free(root);
		free(order);
		return NULL;
	}
	order->references = 1;
	order->n = 0;
	atomic_init(&root->holders, 1);
	root->retired = retired;
	root->order = order;
	root->mailboxes.kind = &mailbox_kind;
	root->mids.kind = &mid_kind;
	root->emailids.kind = &emailid_kind;
	root->segments.kind = &segment_kind;
	root->bytes_max = root->messages_max = FORMAT_QUOTA_NONE;
	return root;
}

struct state *state_copy(const struct state *root)
{
	const size_t from = offsetof(struct state, retired);
	struct state *copy = malloc(sizeof(*copy));

	if (copy == NULL)
		return NULL;
	/* Not what comes before: others count there while this reads. */
	memcpy((char *)copy + from, (const char *)root + from, sizeof(*copy) - from);
	atomic_init(&copy->holders, 1);
	copy->next = NULL;
	if (copy->backing != NULL)
		copy->backing->references++;
	copy->order->references++;
	copy->mailboxes = pages_share(&root->mailboxes);
	copy->mids = pages_share(&root->mids);
	copy->emailids = pages_share(&root->emailids);
	copy->segments = pages_share(&root->segments);
	return copy;
}

void state_free(struct state *root)
{
	pages_free(&root->mailboxes);
	pages_free(&root->mids);
	pages_free(&root->emailids);
	pages_free(&root->segments);
	if (--root->order->references == 0)
		free(root->order);
	if (root->backing != NULL && --root->backing->references == 0)
		root->backing->release(root->backing);
	free(root);
}

struct state *state_get(struct state *root)
{
	/* Who holds a root may hold it twice: nothing is read through the count. */
	atomic_fetch_add_explicit(&root->holders, 1, memory_order_relaxed);
	return root;
}

void state_put(struct state **root)
{
	struct state *gone = *root;

	*root = NULL;
	/* Release: what this thread read it has read; acquire: and so have all that put before. */
	if (gone == NULL || atomic_fetch_sub_explicit(&gone->holders, 1, memory_order_acq_rel) != 1)
		return;
	gone->next = atomic_load_explicit(&gone->retired->head, memory_order_relaxed);
	/* Release, with the exchange in state_reclaim(). */
	while (!atomic_compare_exchange_weak_explicit(&gone->retired->head, &gone->next, gone,
						      memory_order_release, memory_order_relaxed))
		;
}

unsigned state_reclaim(struct state_retired *retired)
{
	/* Acquire, with the exchanges in state_put(). */
	struct state *root = atomic_exchange_explicit(&retired->head, NULL, memory_order_acquire);
	unsigned n = 0;

	for (; root != NULL; n++) {
		struct state *next = root->next;

		state_free(root);
		root = next;
	}
	return n;
}

int state_create(struct state_retired *retired, uint32_t uidvalidity_first, struct state **root_r)
{
	*root_r = NULL;
	if (uidvalidity_first == 0)
		return -EINVAL;
	*root_r = root_new(retired, 0);
	if (*root_r == NULL)
		return -ENOMEM;
	(*root_r)->uidvalidity_next = uidvalidity_first;
	(*root_r)->mid_next = 1;
	(*root_r)->number_next = 1;
	return 0;
}

static int mailbox_open(const struct state_backing *backing, uint32_t k,
			struct state_mailbox **mailbox_r)
{
	const struct disk_mailbox *disk = &backing->checkpoint.mailboxes[k];
	struct state_mailbox *mailbox;
	struct store_columns columns;

	if (store_columns_place(&backing->checkpoint, k, &columns) != NULL)
		return -EIO;
	mailbox = calloc(1, sizeof(*mailbox));
	if (mailbox == NULL)
		return -ENOMEM;
	*mailbox = (struct state_mailbox){
		.references = 1,
		.number = k + 1,
		.attributes = disk->attributes,
		.uidvalidity = disk->uidvalidity,
		.uidnext = disk->uidnext,
		.highestmodseq = disk->highestmodseq,
		.unseen = disk->unseen,
		.deleted = disk->deleted,
		.recent = disk->recent,
		.size = disk->size,
		.size_deleted = disk->size_deleted,
		.vanished.forgotten = disk->highestmodseq, /* a checkpoint has no runs yet */
		.name = store_checkpoint_name(&backing->checkpoint, k),
		.backing = backing,
		.keywords = columns.keywords,
		.keywords_n = disk->keywords,
	};
	memcpy(mailbox->mailboxid, disk->mailboxid, 16);
	*mailbox_r = mailbox;
	return rows_open(&mailbox->rows, &columns, disk->messages, disk->highestmodseq);
}

static int mailboxes_open(struct state *root, const struct state_backing *backing)
{
	for (uint32_t k = 0; k < backing->checkpoint.header->mailboxes; k++) {
		struct state_mailbox **slot = pages_edit(&root->mailboxes, k + 1);
		int status;

		if (slot == NULL)
			return -ENOMEM;
		status = mailbox_open(backing, k, slot);
		if (status != 0)
			return status;
		root->order->number[root->order->n++] = k + 1;
		root->bytes += (*slot)->size;
		root->messages += rows_count(&(*slot)->rows);
	}
	return 0;
}

int state_open(struct state_retired *retired, struct state_backing *backing, uint64_t change,
	       struct state **root_r)
{
	const struct store_checkpoint *checkpoint = &backing->checkpoint;
	struct state *root = root_new(retired, checkpoint->header->mailboxes);
	int status;

	*root_r = NULL;
	if (root == NULL)
		return -ENOMEM;
	root->change = change;
	root->modseq = checkpoint->header->modseq;
	root->mid_next = checkpoint->header->mid_next;
	root->uidvalidity_next = checkpoint->header->uidvalidity_next;
	root->number_next = checkpoint->header->mailboxes + 1;
	root->segments_n = checkpoint->header->segments;
	root->mids.base = (const uint8_t *)checkpoint->mids;
	root->mids.base_n = root->mid_next - 1;
	root->emailids.base = checkpoint->emailids;
	root->emailids.base_n = root->mid_next - 1;
	root->segments.base = (const uint8_t *)checkpoint->segments;
	root->segments.base_n = root->segments_n;
	status = mailboxes_open(root, backing);
	if (status != 0) {
		state_free(root);
		return status;
	}
	root->backing = backing;
	backing->references = 1;
	*root_r = root;
	return 0;
}

/* --- Reading the account --- */

void state_info(const struct state *root, struct state_info *info_r)
{
	*info_r = (struct state_info){
		.change = root->change,
		.modseq = root->modseq,
		.mid_next = root->mid_next,
		.uidvalidity_next = root->uidvalidity_next,
		.number_next = root->number_next,
		.mailboxes = root->order->n,
		.segments = root->segments_n,
		.bytes = root->bytes,
		.messages = root->messages,
		.bytes_max = root->bytes_max,
		.messages_max = root->messages_max,
	};
}

const struct disk_mid *state_mid(const struct state *root, uint64_t mid)
{
	return mid > 0 && mid < root->mid_next ? pages_at(&root->mids, mid - 1) : NULL;
}

const uint8_t *state_emailid(const struct state *root, uint64_t mid)
{
	return mid > 0 && mid < root->mid_next ? pages_at(&root->emailids, mid - 1) : NULL;
}

const struct disk_segment *state_segment(const struct state *root, uint32_t slot)
{
	return slot < root->segments_n ? pages_at(&root->segments, slot) : NULL;
}

const struct state_mailbox *state_mailbox_numbered(const struct state *root, uint32_t number)
{
	struct state_mailbox *const *slot = pages_at(&root->mailboxes, number);

	return slot != NULL ? *slot : NULL;
}

const struct state_mailbox *state_mailbox_at(const struct state *root, uint32_t k)
{
	ASSERT(k < root->order->n);
	return state_mailbox_numbered(root, root->order->number[k]);
}

uint32_t state_order_place(const struct state *root, struct span name)
{
	uint32_t low = 0, high = root->order->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (store_name_compare(state_mailbox_at(root, middle)->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int state_mailbox_find(const struct state *root, struct span name)
{
	uint32_t k;

	if (store_name_inbox(name) && name.len == 5)
		name = span_of("INBOX");
	k = state_order_place(root, name);
	return k < root->order->n && span_eq(state_mailbox_at(root, k)->name, name) ? (int)k
										    : -ENOENT;
}

uint32_t state_inferiors(const struct state *root, uint32_t k)
{
	struct span superior = state_mailbox_at(root, k)->name;
	uint32_t end = k + 1;

	while (end < root->order->n &&
	       store_name_under(state_mailbox_at(root, end)->name, superior))
		end++;
	return end - k - 1;
}

/* --- Reading a mailbox --- */

uint32_t state_number(const struct state_mailbox *mailbox)
{
	return mailbox->number;
}

void state_mailbox_info(const struct state_mailbox *mailbox, struct store_mailbox_info *info_r)
{
	*info_r = (struct store_mailbox_info){
		.name = mailbox->name,
		.attributes = mailbox->attributes,
		.uidvalidity = mailbox->uidvalidity,
		.uidnext = mailbox->uidnext,
		.highestmodseq = mailbox->highestmodseq,
		.messages = rows_count(&mailbox->rows),
		.unseen = mailbox->unseen,
		.deleted = mailbox->deleted,
		.recent = mailbox->recent,
		.size = mailbox->size,
		.size_deleted = mailbox->size_deleted,
	};
	memcpy(info_r->mailboxid, mailbox->mailboxid, 16);
}

unsigned state_keyword_count(const struct state_mailbox *mailbox)
{
	return mailbox->keywords_own != NULL ? mailbox->keywords_own->n : mailbox->keywords_n;
}

struct span state_keyword(const struct state_mailbox *mailbox, unsigned k)
{
	const struct store_checkpoint *checkpoint;
	struct disk_string string;

	if (k >= state_keyword_count(mailbox))
		return (struct span){NULL, 0};
	if (mailbox->keywords_own != NULL)
		return state_text_span(mailbox->keywords_own->name[k]);
	checkpoint = &mailbox->backing->checkpoint;
	string = mailbox->keywords[k]; /* foreign */
	if (string.len > checkpoint->header->strings.len ||
	    string.off > checkpoint->header->strings.len - string.len)
		return (struct span){NULL, 0};
	return store_checkpoint_string(checkpoint, string);
}

bool state_vanished(const struct state_mailbox *mailbox, uint64_t modseq,
		    const struct vanished_run **runs_r, uint32_t *runs_n_r)
{
	*runs_r = vanished_since(&mailbox->vanished, modseq, runs_n_r);
	return modseq >= mailbox->vanished.forgotten;
}

uint32_t state_lower_bound(const struct state_mailbox *mailbox, uint32_t uid)
{
	return rows_lower_bound(&mailbox->rows, uid);
}

uint32_t state_changed(const struct state_mailbox *mailbox, uint32_t from, uint64_t modseq)
{
	return rows_changed(&mailbox->rows, from, modseq);
}

struct state_cursor state_cursor(const struct state_mailbox *mailbox)
{
	return (struct state_cursor){.mailbox = mailbox};
}

/* The row's place in the cursor's leaf, which becomes the row's. */
static uint32_t at(struct state_cursor *cursor, uint32_t index)
{
	if (index - cursor->first >= cursor->rows) { /* wraps when the index is lower */
		cursor->leaf = rows_find(&cursor->mailbox->rows, index, &cursor->first);
		cursor->rows = cursor->leaf->rows;
	}
	return index - cursor->first;
}

uint32_t state_uid(struct state_cursor *cursor, uint32_t index)
{
	uint32_t i = at(cursor, index);

	return cursor->leaf->uid[i];
}

uint32_t state_size(struct state_cursor *cursor, uint32_t index)
{
	uint32_t i = at(cursor, index);

	return cursor->leaf->size[i];
}

uint64_t state_message(struct state_cursor *cursor, uint32_t index)
{
	uint32_t i = at(cursor, index);

	return cursor->leaf->mid[i];
}

struct store_date state_date(struct state_cursor *cursor, uint32_t index)
{
	uint32_t i = at(cursor, index);

	return (struct store_date){cursor->leaf->utc[i], cursor->leaf->zone[i]};
}

int64_t state_savedate(struct state_cursor *cursor, uint32_t index)
{
	uint32_t i = at(cursor, index);

	return cursor->leaf->saved[i];
}

uint64_t state_modseq(struct state_cursor *cursor, uint32_t index)
{
	uint32_t i = at(cursor, index);

	return rows_modseq(cursor->leaf, i);
}

struct store_flags state_flags(struct state_cursor *cursor, uint32_t index)
{
	uint32_t i = at(cursor, index);

	return rows_flags(cursor->leaf, i);
}
