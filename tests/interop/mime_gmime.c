/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints GMime 3's view of messages, as a second oracle: frames in, and for each message one
 * frame out with its tree, "type/subtype(children)" in lower case.
 */
#include <gmime/gmime.h>
#include <stdio.h>
#include <stdlib.h>

#include "mime_frames.h"

enum { DEPTH_MAX = 100 };

static void put_lower(const char *word, FILE *out)
{
	for (; word != NULL && *word != '\0'; word++)
		fputc(g_ascii_tolower(*word), out);
}

static void put_part(GMimeObject *part, unsigned depth, FILE *out)
{
	GMimeContentType *type = g_mime_object_get_content_type(part);

	put_lower(g_mime_content_type_get_media_type(type), out);
	fputc('/', out);
	put_lower(g_mime_content_type_get_media_subtype(type), out);
	if (depth == DEPTH_MAX)
		return;
	if (GMIME_IS_MULTIPART(part)) {
		GMimeMultipart *multipart = GMIME_MULTIPART(part);
		int n = g_mime_multipart_get_count(multipart);

		for (int i = 0; i < n; i++) {
			fputc(i == 0 ? '(' : ',', out);
			put_part(g_mime_multipart_get_part(multipart, i), depth + 1, out);
		}
		fputs(n > 0 ? ")" : "", out);
	} else if (GMIME_IS_MESSAGE_PART(part)) {
		GMimeMessage *inner = g_mime_message_part_get_message(GMIME_MESSAGE_PART(part));

		fputc('(', out);
		if (inner != NULL && g_mime_message_get_mime_part(inner) != NULL)
			put_part(g_mime_message_get_mime_part(inner), depth + 1, out);
		fputc(')', out);
	}
}

static void answer(struct span letter)
{
	GMimeStream *stream =
		g_mime_stream_mem_new_with_buffer((const char *)letter.ptr, letter.len);
	GMimeParser *parser = g_mime_parser_new_with_stream(stream);
	GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		exit(1);
	if (message != NULL && g_mime_message_get_mime_part(message) != NULL)
		put_part(g_mime_message_get_mime_part(message), 0, out);
	fclose(out);
	frame_write(text, len);
	free(text);
	if (message != NULL)
		g_object_unref(message);
	g_object_unref(parser);
	g_object_unref(stream);
}

int main(void)
{
	struct span letter;

	g_mime_init();
	while ((letter = frame_read()).ptr != NULL) {
		answer(letter);
		free((void *)(uintptr_t)letter.ptr);
	}
	g_mime_shutdown();
	return 0;
}
