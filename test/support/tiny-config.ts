/** The config of a model that trains in a tenth of a second: it learns, saves and evaluates like a large one. */
export const tinyConfig = ({ steps = 24, every = 6, accumulation = 2, keep = 2 } = {}): string => `
seed: 7
model: { layers: 1, dModel: 16, heads: 2, kvHeads: 1, dHidden: 24 }
batch: { microBatch: 2, accumulation: ${accumulation} }
schedule: { steps: ${steps}, learningRate: 0.02, minLearningRate: 0.002, warmupSteps: ${Math.ceil(steps / 8)} }
optimizer: { betas: [0.9, 0.95], epsilon: 1.0e-8, weightDecay: 0.1, clipNorm: 1 }
data: { epochs: 20 }
precision: f32
recompute: none
evaluation: { every: ${every}, rows: 4 }
checkpoint: { every: ${every}, keep: ${keep} }
`;
