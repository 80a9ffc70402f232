/* SPDX-License-Identifier: Apache-2.0 */
#include "param.h"

#include <stdlib.h>
#include <string.h>

void param_list_free(struct param_list *list)
{
	free(list->params);
	bytes_free(&list->text);
	*list = (struct param_list){0};
}

static void list_add(struct param_list *list, struct param param)
{
	if (list->count == list->room) {
		uint32_t room = list->room == 0 ? 16 : list->room * 2;
		struct param *grown = realloc(list->params, room * sizeof(*grown));

		if (grown == NULL) {
			list->failed = true;
			return;
		}
		list->params = grown;
		list->room = room;
	}
	list->params[list->count++] = param;
}

/* ";" key "=" value. LEX_END: nothing is left; LEX_BROKEN: no parameter, go on behind it. */
static enum lex param_read(struct param_list *list, struct lexer *lexer, struct param *param_r)
{
	struct bytes *text = &list->text;
	size_t start = text->len;
	enum lex lex;

	if (lexer->at >= lexer->end)
		return LEX_END;
	if (*lexer->at != ';')
		return LEX_BROKEN;
	lexer->at++;
	if (lex_space(lexer) != LEX_MORE || lex_token(lexer, text) != LEX_MORE || *lexer->at != '=')
		return LEX_BROKEN;
	param_r->key = bytes_piece_from(text, start);
	start = text->len;
	lexer->at++;
	lex = lex_space(lexer);
	if (lex == LEX_MORE && *lexer->at == '"') {
		lex = lex_quoted(lexer, text);
	} else if (lex == LEX_MORE && *lexer->at == '=') {
		/* name==?utf-8?b?...?= is common, and no token. */
		const uint8_t *from = lexer->at;

		while (lexer->at < lexer->end && memchr("; \t\r\n", *lexer->at, 5) == NULL)
			lexer->at++;
		bytes_add_clean(text, from, (size_t)(lexer->at - from));
	} else if (lex == LEX_MORE) {
		lex = lex_token(lexer, text);
	}
	param_r->value = bytes_piece_from(text, start);
	return lex == LEX_BROKEN ? LEX_BROKEN : LEX_MORE;
}

/* key*N, key*N* or key*: cuts the key at its star. False: an ordinary key. `number` keeps its
 * last value where the key has none, as Dovecot's does. */
static bool piece_read(const struct bytes *text, struct param *param, uint32_t *number)
{
	struct span key = bytes_piece_span(text, param->key);
	const uint8_t *end = span_end(key), *at, *star;

	star = key.len > 0 ? memchr(key.ptr, '*', key.len) : NULL;
	if (star == NULL)
		return false;
	at = star;
	if (at + 1 < end) {
		*number = 0;
		for (at++; at < end && *at >= '0' && *at <= '9'; at++)
			*number = *number * 10 + (uint32_t)(*at - '0');
	}
	param->extended = at < end && *at == '*';
	at += param->extended;
	if (at != end)
		return false;
	param->number = *number;
	param->key.len = (uint32_t)(star - key.ptr) & 0x7fffffff;
	return true;
}

struct piece_order {
	const struct bytes *text;
};

static int piece_compare(const void *one, const void *other, void *context)
{
	const struct piece_order *order = context;
	const struct param *a = one, *b = other;
	struct span key_a = bytes_piece_span(order->text, a->key);
	struct span key_b = bytes_piece_span(order->text, b->key);
	size_t shorter = key_a.len < key_b.len ? key_a.len : key_b.len;
	int difference = shorter == 0 ? 0 : memcmp(key_a.ptr, key_b.ptr, shorter);

	if (difference != 0)
		return difference;
	if (key_a.len != key_b.len)
		return key_a.len < key_b.len ? -1 : 1;
	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

/* Pieces that do not count 0, 1, 2, ... stay parameters of their own. */
static void pieces_keep(struct param_list *list, const struct param *pieces, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct param param = pieces[i];
		size_t start = list->text.len;

		if (!bytes_reserve(&list->text, param.key.len))
			return;
		bytes_add(&list->text, list->text.ptr + param.key.off, param.key.len);
		bytes_add_byte(&list->text, '*');
		bytes_add_number(&list->text, param.number);
		if (param.extended)
			bytes_add_byte(&list->text, '*');
		param.key = bytes_piece_from(&list->text, start);
		list_add(list, param);
	}
}

/* One value of all pieces. If any is extended all must read as such: a plain one has its '%'
 * escaped, and a plain first one gets an empty charset and language in front. */
static void pieces_join(struct param_list *list, const struct param *pieces, uint32_t n,
			bool extended)
{
	struct bytes *text = &list->text;
	struct param param = {0};
	size_t start = text->len;

	for (uint32_t i = 0; i < n; i++) {
		struct piece value = pieces[i].value;

		if (!bytes_reserve(text, value.len * 3 + 2))
			return;
		if (i == 0 && extended && !pieces[i].extended)
			bytes_add(text, "''", 2);
		for (uint32_t k = 0; k < value.len; k++) {
			bytes_add_byte(text, text->ptr[value.off + k]);
			if (extended && !pieces[i].extended && text->ptr[value.off + k] == '%')
				bytes_add(text, "25", 2);
		}
	}
	param.value = bytes_piece_from(text, start);
	start = text->len;
	if (!bytes_reserve(text, pieces[0].key.len))
		return;
	bytes_add(text, text->ptr + pieces[0].key.off, pieces[0].key.len);
	if (extended)
		bytes_add_byte(text, '*');
	param.key = bytes_piece_from(text, start);
	list_add(list, param);
}

static void pieces_finish(struct param_list *list, const struct param *pieces, uint32_t count)
{
	uint32_t next;

	for (uint32_t i = 0; i < count && !list->failed; i = next) {
		struct span key = bytes_piece_span(&list->text, pieces[i].key);
		bool whole = true, extended = false;

		for (next = i; next < count; next++) {
			if (!span_eq_fold(key, bytes_piece_span(&list->text, pieces[next].key)))
				break;
			whole = whole && pieces[next].number == next - i;
			extended = extended || pieces[next].extended;
		}
		if (whole)
			pieces_join(list, pieces + i, next - i, extended);
		else
			pieces_keep(list, pieces + i, next - i);
	}
}

/* Takes the pieces out of the list; the rest keeps its order. Returns how many there are. */
static uint32_t pieces_take(struct param_list *list, struct param **pieces_r)
{
	uint32_t number = 0, plain = 0, count = 0;
	struct param *pieces = malloc(list->count * sizeof(*pieces) + 1);

	*pieces_r = pieces;
	if (pieces == NULL) {
		list->failed = true;
		return 0;
	}
	for (uint32_t i = 0; i < list->count; i++) {
		struct param param = list->params[i];

		param.order = i;
		if (piece_read(&list->text, &param, &number))
			pieces[count++] = param;
		else
			list->params[plain++] = param;
	}
	list->count = plain;
	return count;
}

void param_list_read(struct param_list *list, struct lexer *lexer)
{
	struct param *pieces;
	bool starred = false;
	enum lex lex;

	list->count = 0;
	bytes_clear(&list->text);
	for (;;) {
		struct param param = {0};

		lex = param_read(list, lexer, &param);
		if (lex == LEX_MORE) {
			struct span key = bytes_piece_span(&list->text, param.key);

			starred = starred || (key.len > 0 && memchr(key.ptr, '*', key.len) != NULL);
			list_add(list, param);
		} else if (lex == LEX_END || lexer->at >= lexer->end) {
			break;
		} else {
			lexer->at++;
		}
	}
	if (starred) {
		struct piece_order order = {&list->text};
		uint32_t count = pieces_take(list, &pieces);

		if (count > 1)
			qsort_r(pieces, count, sizeof(*pieces), piece_compare, &order);
		pieces_finish(list, pieces, count);
		free(pieces);
	}
	list->failed = list->failed || list->text.failed;
}
