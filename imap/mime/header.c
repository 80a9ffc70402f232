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

/* The first line up to its colon; without a colon, ptr is NULL. */
static struct span before_colon(struct span field)
{
	struct span first = header_line_text(field, 0);
	const uint8_t *colon = first.len > 0 ? memchr(first.ptr, ':', first.len) : NULL;

	if (colon == NULL)
		return (struct span){NULL, 0};
	return span_cut(first, 0, (size_t)(colon - first.ptr));
}

struct span header_name(struct span field)
{
	struct span name = before_colon(field);

	while (name.len > 0 && is_space(name.ptr[name.len - 1]))
		name.len--;
	return name;
}

/* A value of nothing but white space keeps all of it but one, which only a folded one shows. */
static struct span skip_space(struct span value)
{
	size_t at = 0;

	while (at < value.len && is_space(value.ptr[at]))
		at++;
	if (at == value.len && at > 0)
		at = 1;
	return span_cut(value, at, value.len);
}

void header_value(struct span field, struct bytes *value)
{
	struct header_line line = header_line_read(field, 0);
	struct span text = header_line_text(field, 0);
	uint32_t at = line.len;

	bytes_clear(value);
	text = skip_space(span_cut(text, before_colon(field).len + 1, text.len));
	bytes_add(value, text.ptr, text.len);
	while (at < field.len) {
		line = header_line_read(field, at);
		text = span_cut(field, at, line.len - line.end_len);
		bytes_add_byte(value, '\n');
		bytes_add(value, text.ptr, text.len);
		at += line.len;
	}
}
