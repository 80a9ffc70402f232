/* SPDX-License-Identifier: Apache-2.0 */
#include "extras.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { ZONE_MINUTES_MAX = 99 * 60 + 59 };

bool extras_append(struct buffer *text, const struct extras *extras)
{
	int minutes = abs(extras->date.zone_min);
	char word[64];

	if (extras->dated) {
		snprintf(word, sizeof(word), " utc=%" PRId64, extras->date.utc_s);
		if (!buffer_append(text, word, strlen(word)))
			return false;
	}
	if (extras->zoned) {
		snprintf(word, sizeof(word), " zone=%c%02d%02d",
			 extras->date.zone_min < 0 ? '-' : '+', minutes / 60, minutes % 60);
		if (!buffer_append(text, word, strlen(word)))
			return false;
	}
	if (extras->verbatim && !buffer_append(text, " verbatim", 9))
		return false;
	for (unsigned k = 0; k < extras->keywords_n; k++)
		if (!buffer_append(text, " keyword=", 9) ||
		    !buffer_append(text, extras->keywords[k].ptr, extras->keywords[k].len))
			return false;
	return true;
}

/* --- Reading --- */

/* The rest of the word after `name`. False: it is another word. */
static bool value_of(struct span word, const char *name, struct span *value_r)
{
	size_t len = strlen(name);

	*value_r = span_cut(word, len, word.len);
	return word.len >= len && memcmp(word.ptr, name, len) == 0;
}

/* Up to 18 digits after an optional sign. */
static bool number_read(struct span text, bool *negative_r, int64_t *number_r)
{
	bool sign = text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+');

	*negative_r = sign && text.ptr[0] == '-';
	*number_r = 0;
	text = span_cut(text, sign, text.len);
	if (text.len == 0 || text.len > 18)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
		*number_r = *number_r * 10 + (text.ptr[i] - '0');
	}
	return true;
}

static void word_read(struct span word, struct extras *extras)
{
	struct span value;
	int64_t number;
	bool negative;

	if (value_of(word, "utc=", &value) && number_read(value, &negative, &number)) {
		extras->date.utc_s = negative ? -number : number;
		extras->dated = true;
	} else if (value_of(word, "zone=", &value) && number_read(value, &negative, &number) &&
		   number % 100 < 60 && number / 100 * 60 + number % 100 <= ZONE_MINUTES_MAX) {
		number = number / 100 * 60 + number % 100;
		extras->date.zone_min = (int16_t)(negative ? -number : number);
		extras->zoned = true;
	} else if (value_of(word, "keyword=", &value) && value.len > 0) {
		if (extras->keywords_n < STORE_KEYWORDS_MAX)
			extras->keywords[extras->keywords_n++] = value;
	} else if (span_eq(word, span_of("verbatim"))) {
		extras->verbatim = true;
	}
}

void extras_read(struct span text, struct extras *extras_r)
{
	size_t at = 0;

	*extras_r = (struct extras){0};
	while (at < text.len) {
		size_t len = 0;

		while (at + len < text.len && text.ptr[at + len] > ' ')
			len++;
		if (len > 0)
			word_read(span_cut(text, at, len), extras_r);
		at += len + 1;
	}
}

/* --- The words of many --- */

static int by_file(const void *a, const void *b)
{
	struct span x = ((const struct extras_line *)a)->file;
	struct span y = ((const struct extras_line *)b)->file;
	size_t len = x.len < y.len ? x.len : y.len;
	int order = len > 0 ? memcmp(x.ptr, y.ptr, len) : 0;

	return order != 0 ? order : (x.len > y.len) - (x.len < y.len);
}

int extras_list_read(struct span text, struct extras_list *list_r)
{
	*list_r = (struct extras_list){0};
	while (text.len > 0) {
		const uint8_t *lf = memchr(text.ptr, '\n', text.len);
		size_t len = lf != NULL ? (size_t)(lf - text.ptr) : text.len;
		struct span line = span_cut(text, 0, len);
		const uint8_t *space = len > 0 ? memchr(line.ptr, ' ', len) : NULL;

		text = span_cut(text, lf != NULL ? len + 1 : len, text.len);
		if (space == NULL)
			continue;
		if (list_r->n == list_r->room) {
			size_t room = list_r->room == 0 ? 64 : list_r->room * 2;
			void *larger = realloc(list_r->lines, room * sizeof(*list_r->lines));

			if (larger == NULL)
				return -ENOMEM;
			list_r->lines = larger;
			list_r->room = room;
		}
		len = (size_t)(space - line.ptr);
		list_r->lines[list_r->n++] =
			(struct extras_line){span_cut(line, 0, len), span_cut(line, len, line.len)};
	}
	if (list_r->n > 0)
		qsort(list_r->lines, list_r->n, sizeof(*list_r->lines), by_file);
	return 0;
}

struct span extras_list_find(const struct extras_list *list, struct span file)
{
	const uint8_t *colon = file.len > 0 ? memchr(file.ptr, ':', file.len) : NULL;
	struct extras_line wanted = {.file = file}, *line = NULL;

	if (colon != NULL)
		wanted.file.len = (size_t)(colon - file.ptr);
	if (list->n > 0)
		line = bsearch(&wanted, list->lines, list->n, sizeof(*list->lines), by_file);
	return line != NULL ? line->words : (struct span){NULL, 0};
}

void extras_list_free(struct extras_list *list)
{
	free(list->lines);
	*list = (struct extras_list){0};
}

/* --- Line ends --- */

/* Every LF has one CR before it, so that taking that away loses nothing. */
static bool lines_plain(struct span message)
{
	const uint8_t *at = message.ptr, *end = span_end(message);

	while (at < end) {
		const uint8_t *lf = memchr(at, '\n', (size_t)(end - at));

		if (lf == NULL)
			break;
		if (lf == at || lf[-1] != '\r' || (lf - at > 1 && lf[-2] == '\r'))
			return false;
		at = lf + 1;
	}
	return true;
}

bool extras_lines(struct span message, struct buffer *room, struct span *bytes_r, bool *verbatim_r)
{
	const uint8_t *at = message.ptr, *end = span_end(message);

	*verbatim_r = !lines_plain(message);
	*bytes_r = message;
	if (*verbatim_r)
		return true;
	room->len = 0;
	if (!buffer_reserve(room, message.len))
		return false;
	while (at < end) {
		const uint8_t *lf = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((lf != NULL ? lf - 1 : end) - at);

		if (!buffer_append(room, at, len) || (lf != NULL && !buffer_append(room, "\n", 1)))
			return false;
		at = lf != NULL ? lf + 1 : end;
	}
	*bytes_r = buffer_span(room);
	return true;
}

bool extras_from_line(struct span line)
{
	size_t quotes = 0;

	while (quotes < line.len && line.ptr[quotes] == '>')
		quotes++;
	return span_eq(span_cut(line, quotes, 5), span_of("From "));
}
