/** Upper bounds of the histogram of answer times, in seconds. */
const BOUNDS = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5];

/** Figures of a server since its start, in the Prometheus text format. */
export class Metrics {
  readonly #requests = new Map<string, number>();
  readonly #buckets = new Array<number>(BOUNDS.length).fill(0);
  #seconds = 0;
  #answered = 0;
  #tokens = 0;
  inFlight = 0;

  /** One request answered. @param route the endpoint's path as declared, not what a stranger asked for */
  answered(route: string, status: number, seconds: number): void {
    const labels = `route="${route}",status="${status}"`;
    this.#requests.set(labels, (this.#requests.get(labels) ?? 0) + 1);
    this.#answered += 1;
    this.#seconds += seconds;
    BOUNDS.forEach((bound, i) => {
      if (seconds <= bound) this.#buckets[i] = (this.#buckets[i] as number) + 1;
    });
  }

  addTokens(count: number): void {
    this.#tokens += count;
  }

  get requests(): number {
    return this.#answered;
  }

  get tokens(): number {
    return this.#tokens;
  }

  toString(): string {
    const buckets = BOUNDS.map(
      (bound, i) => `apt3_request_seconds_bucket{le="${bound}"} ${this.#buckets[i]}`,
    );
    return [
      "# HELP apt3_requests_total Requests answered, by endpoint and status.",
      "# TYPE apt3_requests_total counter",
      ...[...this.#requests].map(([labels, count]) => `apt3_requests_total{${labels}} ${count}`),
      "# HELP apt3_tokens_total Tokens encoded, decoded or counted.",
      "# TYPE apt3_tokens_total counter",
      `apt3_tokens_total ${this.#tokens}`,
      "# HELP apt3_requests_in_flight Requests being answered now.",
      "# TYPE apt3_requests_in_flight gauge",
      `apt3_requests_in_flight ${this.inFlight}`,
      "# HELP apt3_request_seconds Time from a request to its answer.",
      "# TYPE apt3_request_seconds histogram",
      ...buckets,
      `apt3_request_seconds_bucket{le="+Inf"} ${this.#answered}`,
      `apt3_request_seconds_sum ${this.#seconds}`,
      `apt3_request_seconds_count ${this.#answered}`,
      "",
    ].join("\n");
  }
}
