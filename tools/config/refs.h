/* SPDX-License-Identifier: Apache-2.0 */
/* What one key says about another. Private to tools/config. */
#ifndef WIREMAP_CONFIG_REFS_H
#define WIREMAP_CONFIG_REFS_H

#include "config.h"

/* Checks and resolves references: ports by name, cores by place. 0, or -EINVAL with a text. */
int config_refs_check(struct wiremap_config *config, struct config_error *error);

#endif
