/** The projector's linear layers as Hugging Face names them in every LLaVA. */
export const hfProjector = ['multi_modal_projector.linear_1', 'multi_modal_projector.linear_2'] as const;
