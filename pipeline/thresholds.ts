import { z } from "zod";
import { PROFILE_NAMES, PROFILES, type Profile, type ProfileName, profileSchema } from "./profiles.ts";

const overrides = profileSchema.partial();

/** The section `thresholds` of datasets.yaml: what differs from the profiles as they are. */
export const thresholdsSchema = z.strictObject({
  /** For every profile. */
  all: overrides.default({}),
  /** For one profile, by its name. */
  profiles: z.partialRecord(z.enum(PROFILE_NAMES), overrides).default({}),
  /** For a source or one of its data sets, by its name. */
  datasets: z.record(z.string(), overrides).default({}),
});

export type Thresholds = z.infer<typeof thresholdsSchema>;

/**
 * A profile with what the configuration says otherwise; the more special word counts:
 * data set, source, profile, all.
 *
 * @param names of the source and the data set
 */
export function profileFor(
  profile: ProfileName,
  { all, profiles, datasets }: Thresholds,
  names: readonly string[] = [],
): Profile {
  return Object.assign({}, PROFILES[profile], all, profiles[profile], ...names.map((name) => datasets[name]));
}
