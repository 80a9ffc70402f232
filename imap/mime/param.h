/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parameters of Content-Type and Content-Disposition (RFC 2045 section 5.1), with the pieces of
 * RFC 2231 put together where they are complete. Any thread.
 */
#ifndef WIREMAP_MIME_PARAM_H
#define WIREMAP_MIME_PARAM_H

#include "lex.h"

struct param {
	struct piece key, value; /* in the list's text */
	uint32_t number;	 /* RFC 2231: which piece of its value this is */
	uint32_t order;		 /* where it stood in the field */
	bool extended;		 /* RFC 2231: percent-encoded, charset in front */
};

/* Plain parameters in their order, then the joined ones by name. Reused from field to field. */
struct param_list {
	struct param *params; /* owned; [0, plain) plain, [plain, count) pieces still to join */
	uint32_t count, room;
	struct bytes text;
	bool failed;
};
void param_list_free(struct param_list *list);

/* Reads what follows the type or disposition. n log n in the pieces, else linear. */
void param_list_read(struct param_list *list, struct lexer *lexer);
static inline struct span param_key(const struct param_list *list, uint32_t i)
{
	return bytes_piece_span(&list->text, list->params[i].key);
}
static inline struct span param_value(const struct param_list *list, uint32_t i)
{
	return bytes_piece_span(&list->text, list->params[i].value);
}

#endif
