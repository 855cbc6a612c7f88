from types import MappingProxyType

import torch
from librarian.testing import Conformance
from safetensors.torch import save_file


class TestTemplateModel(Conformance):
    package = "librarian-template-model"
    operation = "template_model"


class TestTemplateModelWithAModel(TestTemplateModel):
    settings = MappingProxyType({"model": "template-model"})

    def models(self, folder):
        torch.manual_seed(1)
        save_file({"weight": torch.rand(1, 1, 63) / 63}, folder / "model.safetensors")
        return {"template-model": folder}
