#ifndef PLANNER_IMAGE_PROOF_H
#define PLANNER_IMAGE_PROOF_H

#include <stddef.h>

struct arena;

/* What is known of the engine's image without a word of any node: from a file of the operator, or from the
 * spec. */
struct image_proof {
	const char *config;             /* SHA-256 of its configuration, which names all its layers */
	const char *id;                 /* the fingerprint that image-id.sh must find, "sha256:..."; NULL: the
					 * configuration was not read */
	const char *arch;               /* amd64 or arm64; "": it does not say */
};

/* From the image's configuration, byte for byte. NULL: it is not one. */
const struct image_proof *image_proof_read(struct arena *, const char *config, size_t n);
/* From its hash alone, "sha256:...". */
const struct image_proof *image_proof_of(struct arena *, const char *digest);

#endif
