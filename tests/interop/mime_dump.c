/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints what imap/mime answers about messages, for comparing it with other servers: frames in,
 * and for each message one frame out per question, in the order of mime_mail.py.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mime.h"
#include "mime_frames.h"

enum { NAMES_MAX = 16 };

struct letter {
	struct mime_prep prep;
	struct span bytes;
};

static void put(FILE *out, struct span span)
{
	fwrite(span.ptr, 1, span.len, out);
}

static void put_runs(const struct letter *letter, const struct mime_fieldset *set, FILE *out)
{
	struct mime_field_run run;
	uint32_t cursor = 0;

	while (mime_fields_next(&letter->prep, MIME_PART_ROOT, set, &cursor, &run))
		put(out, run.copy.ptr != NULL
				 ? run.copy
				 : span_cut(letter->bytes, run.extent.off, run.extent.len));
	if (mime_fields_empty_line(&letter->prep, MIME_PART_ROOT))
		fputs("\r\n", out);
}

/* HEADER.FIELDS of the names in `list`, or with `negated` HEADER.FIELDS.NOT. */
static void put_fields(const struct letter *letter, const char *list, bool negated, FILE *out)
{
	struct span names[NAMES_MAX];
	char *words = strdup(list), *rest = words, *word;
	void *memory = malloc(mime_fieldset_bytes(NAMES_MAX, strlen(list)));
	unsigned n = 0;

	if (words == NULL || memory == NULL)
		exit(1);
	while (n < NAMES_MAX && (word = strsep(&rest, " ")) != NULL)
		names[n++] = span_of(word);
	put_runs(letter, mime_fieldset_compile(memory, names, n, negated), out);
	free(memory);
	free(words);
}

static void put_section(const struct letter *letter, enum mime_section section, FILE *out)
{
	struct mime_extent extent;

	if (mime_section_extent(&letter->prep, MIME_PART_ROOT, section, &extent) == 0)
		put(out, span_cut(letter->bytes, extent.off, extent.len));
}

/* "path:size" of every part below path, with a space before it. */
static void put_sizes(const struct letter *letter, uint32_t *path, unsigned depth, FILE *out)
{
	for (path[depth] = 1; depth < MIME_PATH_DEPTH_MAX; path[depth]++) {
		uint32_t part = mime_part_find(&letter->prep, path, depth + 1);

		if (part == MIME_PART_NONE)
			return;
		for (unsigned i = 0; i <= depth; i++)
			fprintf(out, "%c%u", i == 0 ? ' ' : '.', path[i]);
		fprintf(out, ":%llu",
			(unsigned long long)mime_part_decoded_size(&letter->prep, part));
		put_sizes(letter, path, depth + 1, out);
	}
}

enum { QUESTIONS = 9 };

static void answer(const struct letter *letter, int question, FILE *out)
{
	uint32_t path[MIME_PATH_DEPTH_MAX + 1];

	if (question == 0)
		put(out, mime_prep_envelope(&letter->prep));
	else if (question == 1)
		put(out, mime_prep_body(&letter->prep));
	else if (question == 2)
		put(out, mime_prep_bodystructure(&letter->prep));
	else if (question == 3)
		put_sizes(letter, path, 0, out);
	else if (question == 4)
		put_fields(letter,
			   "DATE FROM TO CC SUBJECT MESSAGE-ID REFERENCES CONTENT-TYPE IN-REPLY-TO "
			   "REPLY-TO",
			   false, out);
	else if (question == 5)
		put_fields(letter, "X-Mailer received X-No-Such LIST-ID mime-version", false, out);
	else if (question == 6)
		put_fields(letter, "Received DATE x-mailer", true, out);
	else if (question == 7)
		put_section(letter, MIME_SECTION_HEADER, out);
	else
		put_section(letter, MIME_SECTION_TEXT, out);
}

static void answer_all(const struct letter *letter)
{
	for (int question = 0; question < QUESTIONS; question++) {
		char *text;
		size_t len;
		FILE *out = open_memstream(&text, &len);

		if (out == NULL)
			exit(1);
		answer(letter, question, out);
		fclose(out);
		frame_write(text, len);
		free(text);
	}
}

int main(void)
{
	struct mime_builder *builder = mime_builder_create();
	struct letter letter;
	struct span blob;

	while (builder != NULL && (letter.bytes = frame_read()).ptr != NULL) {
		if (mime_prepare(builder, letter.bytes, &blob) != 0 ||
		    mime_prep_open(blob, &letter.prep) != 0)
			return 1;
		answer_all(&letter);
		free((void *)(uintptr_t)letter.bytes.ptr);
	}
	mime_builder_destroy(&builder);
	return 0;
}
