/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message is prepared whatever it is, and all that is asked of the result lies inside it: the
 * tree of parts, HEADER.FIELDS of a set and of all but it, decoded sizes. Two builders agree.
 */
#include <stdlib.h>

#include "check.h"
#include "mime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct mime_builder *builders[2];

static struct mime_fieldset *set_make(uint8_t *memory, bool negated)
{
	const struct span names[] = {span_of("subject"), span_of("From"), span_of("received"),
				     span_of("x"), span_of("X-Odd")};

	return mime_fieldset_compile(memory, names, 5, negated);
}

/* Bytes of all runs; each inside the message, or a copy of what is there. */
static uint64_t fields_walk(const struct mime_prep *prep, struct span message, uint32_t part,
			    const struct mime_fieldset *set)
{
	struct mime_field_run run;
	uint32_t cursor = 0;
	uint64_t bytes = 0;

	while (mime_fields_next(prep, part, set, &cursor, &run)) {
		if (run.copy.ptr == NULL)
			ASSERT((uint64_t)run.extent.off + run.extent.len <= message.len);
		else
			ASSERT(memmem(message.ptr, message.len, run.copy.ptr,
				      run.copy.len < 4 ? run.copy.len : 4) != NULL);
		bytes += run.copy.ptr == NULL ? run.extent.len : run.copy.len;
	}
	ASSERT(mime_fields_size(prep, part, set) == bytes);
	return bytes;
}

static void fields_check(const struct mime_prep *prep, struct span message, uint32_t part)
{
	_Alignas(16) uint8_t memory[512];
	uint64_t some, others;
	struct mime_extent header = {0};

	some = fields_walk(prep, message, part, set_make(memory, false));
	others = fields_walk(prep, message, part, set_make(memory, true));
	if (mime_section_extent(prep, part, MIME_SECTION_HEADER, &header) != 0)
		ASSERT(some == 0 && others == 0);
	ASSERT(some + others <= header.len);
}

static void decode_check(const struct mime_prep *prep, struct span message, uint32_t part)
{
	struct mime_decoder decoder = {.encoding = mime_part_encoding(prep, part)};
	struct mime_extent extent;
	struct span body;
	uint64_t bytes = 0;
	uint8_t out[7];
	size_t taken, got;

	if (part == MIME_PART_ROOT || mime_section_extent(prep, part, MIME_SECTION_ALL, &extent))
		return;
	body = span_cut(message, extent.off, extent.len);
	do {
		got = mime_decode(&decoder, body, true, out, sizeof(out), &taken);
		body = span_cut(body, taken, body.len);
		bytes += got;
	} while (got > 0 || taken > 0);
	ASSERT(body.len == 0 && bytes == mime_part_decoded_size(prep, part));
}

/* The first parts of every level. */
static void parts_walk(const struct mime_prep *prep, struct span message, uint32_t *path,
		       unsigned depth)
{
	uint32_t part = mime_part_find(prep, path, depth);
	struct mime_extent extent;

	if (part == MIME_PART_NONE)
		return;
	for (int section = MIME_SECTION_ALL; section <= MIME_SECTION_MIME; section++)
		if (mime_section_extent(prep, part, section, &extent) == 0)
			ASSERT((uint64_t)extent.off + extent.len <= message.len);
	fields_check(prep, message, part);
	decode_check(prep, message, part);
	for (path[depth] = 1; depth < 4 && path[depth] <= 2; path[depth]++)
		parts_walk(prep, message, path, depth + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span message = {data, size}, blob, other;
	struct mime_prep prep;
	uint32_t path[8];
	uint8_t *exact;

	for (int i = 0; i < 2; i++)
		if (builders[i] == NULL)
			builders[i] = mime_builder_create();
	ASSERT(mime_prepare(builders[0], message, &blob) == 0);
	mime_builder_destroy(&builders[1]);
	builders[1] = mime_builder_create();
	ASSERT(mime_prepare(builders[1], message, &other) == 0 && span_eq(blob, other));
	exact = malloc(blob.len);
	memcpy(exact, blob.ptr, blob.len);
	ASSERT(mime_prep_open((struct span){exact, blob.len}, &prep) == 0);
	ASSERT(mime_prep_size(&prep) == size);
	ASSERT(mime_prep_envelope(&prep).len > 0 && mime_prep_body(&prep).len > 0);
	parts_walk(&prep, message, path, 0);
	free(exact);
	return 0;
}
