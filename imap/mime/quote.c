/* SPDX-License-Identifier: Apache-2.0 */
#include "quote.h"

/* More escapes than this cost more bytes than a literal does. */
enum { QUOTE_ESCAPES_MAX = 4 };

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static bool is_line_end(uint8_t c)
{
	return c == '\r' || c == '\n';
}

static void add_literal(struct bytes *out, struct span text)
{
	bytes_add_byte(out, '{');
	bytes_add_number(out, text.len);
	bytes_add(out, "}\r\n", 3);
	bytes_add(out, text.ptr, text.len);
}

static bool must_be_literal(struct span text)
{
	unsigned escapes = 0;

	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i];

		if (c >= 0x80 || is_line_end(c))
			return true;
		if ((c == '"' || c == '\\') && ++escapes > QUOTE_ESCAPES_MAX)
			return true;
	}
	return false;
}

void quote_string(struct bytes *out, struct span text)
{
	size_t from = 0;

	if (must_be_literal(text)) {
		add_literal(out, text);
		return;
	}
	bytes_add_byte(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] != '"' && text.ptr[i] != '\\')
			continue;
		bytes_add(out, text.ptr + from, i - from);
		bytes_add_byte(out, '\\');
		from = i;
	}
	text = span_cut(text, from, text.len);
	bytes_add(out, text.ptr, text.len);
	bytes_add_byte(out, '"');
}

static void add_clean_byte(struct bytes *out, uint8_t c)
{
	if (c == 0)
		bytes_add_clean(out, &c, 1);
	else
		bytes_add_byte(out, c);
}

/* Replaces what stands from `start` on by `render` of it. The text is first moved up, out of
 * its own way: a rendering is never more than twice as long and 32 bytes. */
static void render_in_place(struct bytes *out, size_t start,
			    void (*render)(struct bytes *out, struct span text))
{
	size_t len = out->len - start, gap = len + 32;

	if (!bytes_reserve(out, gap * 2 + len))
		return;
	memmove(out->ptr + start + gap + len, out->ptr + start, len);
	out->len = start;
	render(out, (struct span){out->ptr + start + gap + len, len});
}

static bool is_raw(uint8_t c)
{
	return c == 0 || is_line_end(c);
}

/* A fold's white space stands for its line end; a line end without any becomes some. */
static void add_unfolded(struct bytes *out, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		bool last = i + 1 == text.len;

		if (!is_line_end(text.ptr[i]))
			add_clean_byte(out, text.ptr[i]);
		else if (!last && !is_line_end(text.ptr[i + 1]) && !is_space(text.ptr[i + 1]))
			bytes_add_byte(out, ' ');
	}
}

void quote_unfolded(struct bytes *out, struct span text)
{
	size_t start = out->len, clean = 0;

	while (clean < text.len && !is_raw(text.ptr[clean]))
		clean++;
	if (clean == text.len) {
		quote_string(out, text);
		return;
	}
	add_unfolded(out, text);
	render_in_place(out, start, quote_string);
}

static bool is_plain(struct span text)
{
	bool after_space = true;

	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i];

		if (is_raw(c) || c >= 0x80 || c == '"' || c == '\\' || c == '\t')
			return false;
		if (c == ' ' && after_space)
			return false;
		after_space = c == ' ';
	}
	return !after_space;
}

void quote_words(struct bytes *out, struct span text)
{
	size_t start = out->len;
	bool after_space = true;

	if (is_plain(text)) {
		bytes_add_byte(out, '"');
		bytes_add(out, text.ptr, text.len);
		bytes_add_byte(out, '"');
		return;
	}
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i];

		if (is_line_end(c))
			continue;
		if (!is_space(c))
			add_clean_byte(out, c);
		else if (!after_space)
			bytes_add_byte(out, ' ');
		after_space = is_space(c);
	}
	if (after_space && out->len > start)
		out->len--;
	if (out->len == start)
		bytes_add(out, "\"\"", 2);
	else
		render_in_place(out, start, add_literal);
}
