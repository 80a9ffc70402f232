/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A blob is damaged: the input is a list of (place, byte) changes, then a message the blob is made
 * of. What opens may be asked anything without leaving the blob.
 */
#include <stdlib.h>

#include "check.h"
#include "mime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CHANGE_BYTES = 4, CHANGES_MAX = 16 };

static struct mime_builder *builder;
static volatile uint8_t sink;

/* Reads every byte, so that one out of bounds is seen. */
static void touch(struct span span)
{
	for (size_t i = 0; i < span.len; i++)
		sink = span.ptr[i];
}

static void ask_fields(const struct mime_prep *prep, uint32_t part)
{
	_Alignas(16) uint8_t memory[256];
	const struct span names[] = {span_of("subject"), span_of("x")};

	for (int negated = 0; negated < 2; negated++) {
		const struct mime_fieldset *set = mime_fieldset_compile(memory, names, 2, negated);
		struct mime_field_run run;
		uint32_t cursor = 0;

		mime_fields_size(prep, part, set);
		while (mime_fields_next(prep, part, set, &cursor, &run))
			touch(run.copy);
	}
	mime_fields_empty_line(prep, part);
}

static void ask(const struct mime_prep *prep)
{
	uint32_t path[3];

	touch(mime_prep_envelope(prep));
	touch(mime_prep_body(prep));
	touch(mime_prep_bodystructure(prep));
	for (unsigned i = 0; i < 64; i++) {
		struct mime_extent extent;
		uint32_t part;

		path[0] = i & 3;
		path[1] = i >> 2 & 3;
		path[2] = i >> 4;
		part = mime_part_find(prep, path, i & 3);
		if (part == MIME_PART_NONE)
			continue;
		for (int section = MIME_SECTION_ALL; section <= MIME_SECTION_MIME; section++)
			if (mime_section_extent(prep, part, section, &extent) == 0)
				ASSERT((uint64_t)extent.off + extent.len <= mime_prep_size(prep));
		mime_part_encoding(prep, part);
		mime_part_decoded_size(prep, part);
		ask_fields(prep, part);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mime_prep prep;
	struct span blob;
	size_t changes = size > 0 ? data[0] % CHANGES_MAX : 0;
	size_t head = 1 + changes * CHANGE_BYTES;
	uint8_t *copy;

	if (size < head)
		return 0;
	if (builder == NULL)
		builder = mime_builder_create();
	ASSERT(mime_prepare(builder, (struct span){data + head, size - head}, &blob) == 0);
	copy = malloc(blob.len);
	memcpy(copy, blob.ptr, blob.len);
	for (size_t i = 0; i < changes; i++) {
		const uint8_t *change = data + 1 + i * CHANGE_BYTES;

		copy[(change[0] | change[1] << 8 | change[2] << 16) % blob.len] = change[3];
	}
	if (mime_prep_open((struct span){copy, blob.len}, &prep) == 0)
		ask(&prep);
	else
		ASSERT(changes > 0);
	free(copy);
	return 0;
}
