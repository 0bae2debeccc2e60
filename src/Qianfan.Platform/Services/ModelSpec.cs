using Qianfan.Platform.Data;
using Qianfan.Platform.FineTuning;
using Qianfan.Platform.Models;

namespace Qianfan.Platform.Services;

/// <summary>A model as the serving worker loads it.</summary>
/// <param name="Key">The worker's name for it.</param>
/// <param name="ModelDirectory">A whole model.</param>
/// <param name="AdapterDirectory">An adapter on top of it, or null.</param>
internal sealed record ModelSpec(string Key, string ModelDirectory, string? AdapterDirectory)
{
    public static ModelSpec Of(BaseModel model, DataFolders folders) => new(Path.GetFileName(folders.BaseModel(model.Name)), folders.BaseModel(model.Name), null);

    public static ModelSpec Of(ModelVersionRow version, DataFolders folders) => version.Kind == "adapter"
        ? new ModelSpec(version.PublicId, folders.BaseModel(version.BaseModel), folders.Model(version.PublicId))
        : new ModelSpec(version.PublicId, folders.Model(version.PublicId), null);
}
