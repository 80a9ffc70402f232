/* SPDX-License-Identifier: Apache-2.0 */
#include "header.h"

struct header_line header_line_read(struct span message, uint32_t at)
{
	struct span rest = span_cut(message, at, message.len);
	const uint8_t *lf = rest.len > 0 ? memchr(rest.ptr, '\n', rest.len) : NULL;

	if (lf == NULL)
		return (struct header_line){(uint32_t)rest.len, 0};
	return (struct header_line){
		.len = (uint32_t)(lf - rest.ptr) + 1,
		.end_len = lf > rest.ptr && lf[-1] == '\r' ? 2 : 1,
	};
}

bool header_line_continues(struct span message, uint32_t at, const struct header_line *before)
{
	return before->end_len > 0 && at < message.len &&
	       (message.ptr[at] == ' ' || message.ptr[at] == '\t');
}

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t';
}

struct span header_name(struct span field)
{
	struct span first = header_line_text(field, 0);
	const uint8_t *colon = first.len > 0 ? memchr(first.ptr, ':', first.len) : NULL;
	size_t len;

	if (colon == NULL)
		return first;
	len = (size_t)(colon - field.ptr);
	while (len > 0 && is_space(field.ptr[len - 1]))
		len--;
	return span_cut(field, 0, len);
}

bool header_has_colon(struct span field, size_t name_len)
{
	return name_len < header_line_text(field, 0).len;
}

/* Where the value begins in the first line. A value of nothing but white space keeps all of it
 * but one, which only a folded value shows. */
static size_t value_start(struct span line, size_t name_len)
{
	size_t at = name_len, start;

	while (at < line.len && line.ptr[at] != ':')
		at++;
	if (at == line.len)
		return at;
	start = ++at;
	while (at < line.len && is_space(line.ptr[at]))
		at++;
	return at == line.len && at > start ? start + 1 : at;
}

void header_value(struct span field, size_t name_len, struct bytes *value)
{
	struct header_line line = header_line_read(field, 0);
	struct span text = span_cut(field, 0, line.len - line.end_len);
	uint32_t at = line.len;

	bytes_clear(value);
	text = span_cut(text, value_start(text, name_len), text.len);
	bytes_add_clean(value, text.ptr, text.len);
	while (at < field.len) {
		line = header_line_read(field, at);
		text = span_cut(field, at, line.len - line.end_len);
		bytes_add_byte(value, '\n');
		bytes_add_clean(value, text.ptr, text.len);
		at += line.len;
	}
}
