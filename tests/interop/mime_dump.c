/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints what imap/mime answers about messages, for the comparisons with other servers and
 * libraries:
 *
 *     mime_dump < frames > frames
 *
 * A frame is a length in decimal, a line feed, and that many bytes. For each message comes one
 * frame per question, in the order of `questions` (oracle_dovecot.py asks Dovecot the same).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mime.h"

struct text {
	char *ptr;
	size_t len;
	FILE *file;
};

struct question {
	void (*answer)(const struct mime_prep *prep, struct span message, FILE *out);
};

static void put(FILE *out, struct span span)
{
	fwrite(span.ptr, 1, span.len, out);
}

static void answer_size(const struct mime_prep *prep, struct span message, FILE *out)
{
	(void)message;
	fprintf(out, "%u", mime_prep_size(prep));
}

static void answer_envelope(const struct mime_prep *prep, struct span message, FILE *out)
{
	(void)message;
	put(out, mime_prep_envelope(prep));
}

static void answer_body(const struct mime_prep *prep, struct span message, FILE *out)
{
	(void)message;
	put(out, mime_prep_body(prep));
}

static void answer_bodystructure(const struct mime_prep *prep, struct span message, FILE *out)
{
	(void)message;
	put(out, mime_prep_bodystructure(prep));
}

/* The literal of HEADER.FIELDS: what the session would send. */
static void fields(const struct mime_prep *prep, struct span message, FILE *out, const char *list,
		   bool negated)
{
	struct span names[16];
	char *words = strdup(list), *rest = words, *word;
	uint64_t size = 0, expected;
	struct mime_fieldset *set;
	struct mime_field_run run;
	uint32_t cursor = 0;
	unsigned n = 0;
	void *memory;

	while ((word = strsep(&rest, " ")) != NULL)
		names[n++] = span_of(word);
	memory = malloc(mime_fieldset_bytes(n, strlen(list)));
	set = mime_fieldset_compile(memory, names, n, negated);
	expected = mime_fields_size(prep, MIME_PART_ROOT, set);
	while (mime_fields_next(prep, MIME_PART_ROOT, set, &cursor, &run)) {
		struct span bytes = run.copy;

		if (bytes.ptr == NULL)
			bytes = span_cut(message, run.extent.off, run.extent.len);
		put(out, bytes);
		size += bytes.len;
	}
	if (size != expected)
		fprintf(out, "[size says %llu]", (unsigned long long)expected);
	if (mime_fields_empty_line(prep, MIME_PART_ROOT))
		fputs("\r\n", out);
	free(memory);
	free(words);
}

static void answer_fields(const struct mime_prep *prep, struct span message, FILE *out)
{
	fields(prep, message, out,
	       "DATE FROM TO CC SUBJECT MESSAGE-ID REFERENCES CONTENT-TYPE IN-REPLY-TO REPLY-TO",
	       false);
}

static void answer_fields_odd(const struct mime_prep *prep, struct span message, FILE *out)
{
	fields(prep, message, out, "X-Mailer received X-No-Such LIST-ID mime-version", false);
}

static void answer_fields_not(const struct mime_prep *prep, struct span message, FILE *out)
{
	fields(prep, message, out, "Received DATE x-mailer", true);
}

static void section(const struct mime_prep *prep, struct span message, FILE *out,
		    enum mime_section which)
{
	struct mime_extent extent;

	if (mime_section_extent(prep, MIME_PART_ROOT, which, &extent) == 0)
		put(out, span_cut(message, extent.off, extent.len));
}

static void answer_header(const struct mime_prep *prep, struct span message, FILE *out)
{
	section(prep, message, out, MIME_SECTION_HEADER);
}

static void answer_text(const struct mime_prep *prep, struct span message, FILE *out)
{
	section(prep, message, out, MIME_SECTION_TEXT);
}

/* "path:size" of every leaf, in order. */
static void binary(const struct mime_prep *prep, FILE *out, uint32_t *path, unsigned depth)
{
	for (uint32_t number = 1; depth < MIME_PATH_DEPTH_MAX; number++) {
		uint32_t deeper[MIME_PATH_DEPTH_MAX], part, below;

		memcpy(deeper, path, depth * sizeof(*path));
		deeper[depth] = number;
		part = mime_part_find(prep, deeper, depth + 1);
		if (part == MIME_PART_NONE)
			return;
		deeper[depth + 1 < MIME_PATH_DEPTH_MAX ? depth + 1 : depth] = 1;
		below = depth + 1 < MIME_PATH_DEPTH_MAX ? mime_part_find(prep, deeper, depth + 2)
							: MIME_PART_NONE;
		deeper[depth] = number;
		if (below == MIME_PART_NONE || mime_section_extent(prep, part, MIME_SECTION_HEADER,
								   &(struct mime_extent){0}) == 0) {
			for (unsigned i = 0; i <= depth; i++)
				fprintf(out, "%s%u", i == 0 ? "" : ".", deeper[i]);
			if (mime_part_encoding(prep, part) == MIME_ENCODING_UNKNOWN)
				fputs(":NO ", out);
			else
				fprintf(out, ":%llu ",
					(unsigned long long)mime_part_decoded_size(prep, part));
		}
		binary(prep, out, deeper, depth + 1);
	}
}

static void answer_binary(const struct mime_prep *prep, struct span message, FILE *out)
{
	uint32_t path[MIME_PATH_DEPTH_MAX] = {0};

	(void)message;
	binary(prep, out, path, 0);
}

static const struct question questions[] = {
	{answer_size},	 {answer_envelope},   {answer_body},	   {answer_bodystructure},
	{answer_fields}, {answer_fields_odd}, {answer_fields_not}, {answer_header},
	{answer_text},	 {answer_binary},
};

static void answer_all(struct mime_builder *builder, struct span message)
{
	struct mime_prep prep;
	struct span blob;

	if (mime_prepare(builder, message, &blob) != 0 || mime_prep_open(blob, &prep) != 0) {
		fprintf(stderr, "mime_dump: a message of %zu bytes was not prepared\n",
			message.len);
		exit(1);
	}
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		char *text;
		size_t len;
		FILE *out = open_memstream(&text, &len);

		questions[i].answer(&prep, message, out);
		fclose(out);
		printf("%zu\n", len);
		fwrite(text, 1, len, stdout);
		free(text);
	}
}

int main(void)
{
	struct mime_builder *builder = mime_builder_create();
	size_t len;

	while (builder != NULL && scanf("%zu", &len) == 1 && getchar() == '\n') {
		uint8_t *message = malloc(len + 1);

		if (message == NULL || fread(message, 1, len, stdin) != len)
			return 1;
		answer_all(builder, (struct span){message, len});
		free(message);
	}
	mime_builder_destroy(&builder);
	return 0;
}
