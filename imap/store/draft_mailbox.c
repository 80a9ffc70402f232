/* SPDX-License-Identifier: Apache-2.0 */
/* What a draft does to the list of mailboxes. */
#include "draft_edit.h"

#include <errno.h>
#include <stdlib.h>

#include "check.h"
#include "name.h"

#define ATTRIBUTES_KNOWN ((uint32_t)(STORE_NONEXISTENT | (STORE_NONEXISTENT - 1)))

/* An order of one's own for `n` mailboxes, empty. NULL: no memory. */
static struct state_order *order_new(uint32_t n)
{
	struct state_order *order = malloc(sizeof(*order) + n * sizeof(order->number[0]));

	if (order != NULL) {
		order->references = 1;
		order->n = 0;
	}
	return order;
}

static void order_set(struct state *root, struct state_order *order)
{
	if (--root->order->references == 0)
		free(root->order);
	root->order = order;
}

static void order_push(struct state_order *order, const uint32_t *number, uint32_t n)
{
	memcpy(order->number + order->n, number, n * sizeof(number[0]));
	order->n += n;
}

/* NULL, or why no mailbox of that name can be made. */
static const char *name_fault(const struct state *root, struct span name)
{
	const char *fault = store_name_fault(name);

	if (fault == NULL && state_mailbox_find(root, name) >= 0)
		fault = "there is a mailbox of that name";
	return fault;
}

static int mailbox_put_in(struct state_draft *draft, const struct state_new_mailbox *new)
{
	struct state *root = draft->root;
	struct state_mailbox **slot = pages_edit(&root->mailboxes, new->number);
	struct state_mailbox *mailbox = calloc(1, sizeof(*mailbox));
	struct state_text *name = state_text_new(new->name);

	if (slot == NULL || mailbox == NULL || name == NULL) {
		free(mailbox);
		state_text_put(name);
		return state_draft_fail(draft, -ENOMEM, NULL);
	}
	mailbox->references = 1;
	mailbox->number = new->number;
	mailbox->attributes = new->attributes;
	memcpy(mailbox->mailboxid, new->mailboxid, 16);
	mailbox->uidvalidity = new->uidvalidity;
	mailbox->uidnext = 1;
	mailbox->highestmodseq = root->modseq;
	mailbox->name_own = name;
	mailbox->name = state_text_span(name);
	*slot = mailbox;
	return 0;
}

int state_draft_create(struct state_draft *draft, const struct state_new_mailbox *mailbox)
{
	struct state *root = draft->root;
	const char *fault = name_fault(root, mailbox->name);
	struct state_order *order;
	uint32_t place;
	int status;

	ASSERT(draft->fault == NULL);
	if (fault != NULL)
		return state_draft_fail(draft, -EINVAL, fault);
	if (mailbox->number != root->number_next || mailbox->number == UINT32_MAX)
		return state_draft_fail(draft, -EINVAL, "a mailbox's number is not the next");
	if (mailbox->uidvalidity < root->uidvalidity_next || mailbox->uidvalidity == UINT32_MAX)
		return state_draft_fail(draft, -EINVAL, "a UIDVALIDITY is not the next");
	if ((mailbox->attributes & ~ATTRIBUTES_KNOWN) != 0)
		return state_draft_fail(draft, -EINVAL, "an attribute is unknown");
	if (!draft->modseq_new)
		return state_draft_fail(draft, -EINVAL, STATE_MODSEQ_TWICE);
	if (root->order->n == STORE_MAILBOXES_MAX)
		return state_draft_fail(draft, -EINVAL, "there are too many mailboxes");
	place = state_order_place(root, mailbox->name);
	order = order_new(root->order->n + 1);
	if (order == NULL)
		return state_draft_fail(draft, -ENOMEM, NULL);
	order_push(order, root->order->number, place);
	order_push(order, &mailbox->number, 1);
	order_push(order, root->order->number + place, root->order->n - place);
	status = mailbox_put_in(draft, mailbox);
	if (status != 0) {
		free(order);
		return status;
	}
	order_set(root, order);
	root->number_next = mailbox->number + 1;
	root->uidvalidity_next = mailbox->uidvalidity + 1;
	return 0;
}

int state_draft_delete(struct state_draft *draft, uint32_t number)
{
	struct state *root = draft->root;
	struct state_mailbox *mailbox, **slot;
	struct state_order *order;
	uint32_t place;
	int status = state_draft_mailbox(draft, number, &mailbox);

	if (status != 0)
		return status;
	if (span_eq(mailbox->name, span_of("INBOX")))
		return state_draft_fail(draft, -EINVAL, "INBOX cannot be deleted");
	status = state_draft_forget(draft, mailbox, 0, rows_count(&mailbox->rows));
	if (status != 0)
		return status;
	order = order_new(root->order->n);
	slot = pages_edit(&root->mailboxes, number);
	if (order == NULL || slot == NULL) {
		free(order);
		return state_draft_fail(draft, -ENOMEM, NULL);
	}
	place = state_order_place(root, mailbox->name);
	order_push(order, root->order->number, place);
	order_push(order, root->order->number + place + 1, root->order->n - place - 1);
	order_set(root, order);
	state_mailbox_put(*slot);
	*slot = NULL;
	return 0;
}

/* --- Renaming --- */

/* The name with its first `cut` bytes replaced. NULL: no memory. */
static struct state_text *renamed(struct span name, size_t cut, struct span with)
{
	uint8_t bytes[2 * STORE_NAME_BYTES_MAX];

	memcpy(bytes, with.ptr, with.len);
	memcpy(bytes + with.len, name.ptr + cut, name.len - cut);
	return state_text_new((struct span){bytes, with.len + name.len - cut});
}

/* Gives the mailboxes at places [first, end) of the order their new names. */
static int names_change(struct state_draft *draft, uint32_t first, uint32_t end, size_t cut,
			struct span with)
{
	for (uint32_t k = first; k < end; k++) {
		struct state_mailbox *mailbox;
		struct state_text *name;
		const char *fault;
		int status = state_draft_mailbox(draft, draft->root->order->number[k], &mailbox);

		if (status != 0)
			return status;
		name = renamed(mailbox->name, cut, with);
		if (name == NULL)
			return state_draft_fail(draft, -ENOMEM, NULL);
		fault = store_name_fault(state_text_span(name));
		if (fault != NULL) {
			state_text_put(name);
			return state_draft_fail(draft, -EINVAL, fault);
		}
		state_text_put(mailbox->name_own);
		mailbox->name_own = name;
		mailbox->name = state_text_span(name);
	}
	return 0;
}

/* The order when those at places [first, end), in order among themselves, have new names. */
static int order_merge(struct state_draft *draft, uint32_t first, uint32_t end)
{
	struct state *root = draft->root;
	const uint32_t *number = root->order->number;
	uint32_t n = root->order->n, moved = first, other = first == 0 ? end : 0;
	struct state_order *order = order_new(n);

	if (order == NULL)
		return state_draft_fail(draft, -ENOMEM, NULL);
	while (order->n < n) {
		int side = moved == end ? 1
			   : other == n ? -1
					: store_name_compare(state_mailbox_at(root, moved)->name,
							     state_mailbox_at(root, other)->name);

		if (side == 0) {
			free(order);
			return state_draft_fail(draft, -EINVAL, "there is a mailbox of that name");
		}
		if (side < 0) {
			order_push(order, &number[moved++], 1);
		} else {
			order_push(order, &number[other++], 1);
			other = other == first ? end : other;
		}
	}
	order_set(root, order);
	return 0;
}

int state_draft_rename(struct state_draft *draft, uint32_t number, struct span name)
{
	struct state *root = draft->root;
	struct state_mailbox *mailbox;
	const char *fault = store_name_fault(name);
	uint8_t was[STORE_NAME_BYTES_MAX];
	struct span old;
	uint32_t first, end;
	int status = state_draft_mailbox(draft, number, &mailbox);

	if (status != 0)
		return status;
	if (fault != NULL)
		return state_draft_fail(draft, -EINVAL, fault);
	memcpy(was, mailbox->name.ptr, mailbox->name.len);
	old = (struct span){was, mailbox->name.len};
	if (span_eq(old, span_of("INBOX")))
		return state_draft_fail(draft, -EINVAL, "INBOX cannot be renamed");
	if (span_eq(name, old) || store_name_under(name, old))
		return state_draft_fail(draft, -EINVAL, "a mailbox cannot move under itself");
	first = state_order_place(root, old);
	end = first + 1 + state_inferiors(root, first);
	status = names_change(draft, first, end, old.len, name);
	return status != 0 ? status : order_merge(draft, first, end);
}

/* --- Attributes and keywords --- */

int state_draft_attributes(struct state_draft *draft, uint32_t number, uint32_t attributes)
{
	struct state_mailbox *mailbox;
	int status = state_draft_mailbox(draft, number, &mailbox);

	if (status != 0)
		return status;
	if ((attributes & ~ATTRIBUTES_KNOWN) != 0)
		return state_draft_fail(draft, -EINVAL, "an attribute is unknown");
	if ((attributes & STATE_PLACELESS) != 0 && rows_count(&mailbox->rows) > 0)
		return state_draft_fail(draft, -EINVAL, "the mailbox holds messages");
	mailbox->attributes = attributes;
	return 0;
}

/* The mailbox's keywords as its own, with those of before. NULL: no memory. */
static struct state_keywords *keywords_own(struct state_mailbox *mailbox)
{
	struct state_keywords *own = calloc(1, sizeof(*own)), *before = mailbox->keywords_own;

	if (own == NULL)
		return NULL;
	own->references = 1;
	for (unsigned n = state_keyword_count(mailbox); own->n < n; own->n++) {
		struct state_text *name = before != NULL
						  ? before->name[own->n]
						  : state_text_new(state_keyword(mailbox, own->n));

		if (name == NULL) {
			state_keywords_put(own);
			return NULL;
		}
		name->references += before != NULL;
		own->name[own->n] = name;
	}
	state_keywords_put(before);
	mailbox->keywords_own = own;
	return own;
}

int state_draft_keyword(struct state_draft *draft, uint32_t number, uint32_t bit, struct span name)
{
	struct state_mailbox *mailbox;
	struct state_keywords *keywords;
	int status = state_draft_mailbox(draft, number, &mailbox);

	if (status != 0)
		return status;
	if (!store_keyword_valid(name))
		return state_draft_fail(draft, -EINVAL, "a keyword is not allowed");
	if (bit != state_keyword_count(mailbox) || bit >= STORE_KEYWORDS_MAX)
		return state_draft_fail(draft, -EINVAL, "a keyword's number is not the next");
	for (unsigned k = 0; k < bit; k++)
		if (span_eq_fold(state_keyword(mailbox, k), name))
			return state_draft_fail(draft, -EINVAL, "there is a keyword of that name");
	keywords = mailbox->keywords_own;
	if (keywords == NULL || keywords->references > 1)
		keywords = keywords_own(mailbox);
	if (keywords == NULL)
		return state_draft_fail(draft, -ENOMEM, NULL);
	keywords->name[bit] = state_text_new(name);
	if (keywords->name[bit] == NULL)
		return state_draft_fail(draft, -ENOMEM, NULL);
	keywords->n = bit + 1;
	return 0;
}
