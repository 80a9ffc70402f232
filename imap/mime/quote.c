/* SPDX-License-Identifier: Apache-2.0 */
#include "quote.h"

/* More escapes than this cost more bytes than a literal does. */
enum { QUOTE_ESCAPES_MAX = 4 };

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

		if (c >= 0x80 || c == '\r' || c == '\n')
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
	bytes_add(out, text.ptr + from, text.len - from);
	bytes_add_byte(out, '"');
}

/* Appends `text` without its CRs and LFs; returns where it begins. */
static size_t add_unfolded(struct bytes *out, struct span text)
{
	size_t start = out->len;

	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] != '\r' && text.ptr[i] != '\n')
			bytes_add_byte(out, text.ptr[i]);
	return start;
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

void quote_unfolded(struct bytes *out, struct span text)
{
	if (memchr(text.ptr, '\n', text.len) == NULL && memchr(text.ptr, '\r', text.len) == NULL)
		quote_string(out, text);
	else
		render_in_place(out, add_unfolded(out, text), quote_string);
}

static bool is_plain(struct span text)
{
	bool after_space = true;

	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i];

		if (c >= 0x80 || c == '"' || c == '\\' || c == '\t' || c == '\r' || c == '\n')
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

		if (c == '\r' || c == '\n')
			continue;
		if (c != ' ' && c != '\t')
			bytes_add_byte(out, c);
		else if (!after_space)
			bytes_add_byte(out, ' ');
		after_space = c == ' ' || c == '\t';
	}
	if (after_space && out->len > start)
		out->len--;
	if (out->len == start)
		bytes_add(out, "\"\"", 2);
	else
		render_in_place(out, start, add_literal);
}
