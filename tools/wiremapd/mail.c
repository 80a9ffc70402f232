/* SPDX-License-Identifier: Apache-2.0 */
#include "mail.h"

#include "mime.h"

static void *preparer_create(void)
{
	return mime_builder_create();
}

static void preparer_destroy(void **preparer)
{
	struct mime_builder *builder = *preparer;

	mime_builder_destroy(&builder);
	*preparer = NULL;
}

static int prepare(void *preparer, struct span message, struct span *derived_r)
{
	return mime_prepare(preparer, message, derived_r);
}

int mail_open(const struct wiremap_config *config, struct log *log, struct store **store_r,
	      struct store_error *error_r)
{
	const struct store_config store = {
		.volumes = (const char *const *)config->volumes.items,
		.volumes_n = config->volumes.n,
		.log = log,
		.prepare_version = MIME_PREP_VERSION,
		.preparer_create = preparer_create,
		.preparer_destroy = preparer_destroy,
		.prepare = prepare,
	};

	return store_open(&store, store_r, error_r);
}
