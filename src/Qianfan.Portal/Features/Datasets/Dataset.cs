using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Qianfan.Portal.Features.Connections;
using Qianfan.Portal.Features.Projects;
using Qianfan.Sdk.Datasets;

namespace Qianfan.Portal.Features.Datasets;

/// <summary>Rows that a model can learn from, kept on a connection's platform.</summary>
public sealed class Dataset : IProjectOwned
{
    /// <summary>The format of a dataset of texts: rows to go on with pre-training on, without questions and answers.</summary>
    public const string TextFormat = nameof(DatasetFormat.Text);

    public Guid Id { get; set; } = Guid.CreateVersion7();
    public Guid ProjectId { get; set; }
    public Project Project { get; set; } = null!;
    public Guid ConnectionId { get; set; }
    public Connection Connection { get; set; } = null!;
    public required string Name { get; set; }

    /// <summary>The dataset's id on the platform, <c>ds-...</c>.</summary>
    public required string PlatformId { get; set; }
    public required string FileName { get; set; }

    /// <summary>Detected format, a name of <c>Qianfan.Sdk.Datasets.DatasetFormat</c>; <see cref="TextFormat"/> for texts, whatever file they came in.</summary>
    public required string Format { get; set; }
    public long SizeBytes { get; set; }
    public int GoodRows { get; set; }
    public int BadRows { get; set; }

    /// <summary>The first bad rows: a JSON array of line, field, code and message.</summary>
    public string RowErrorsJson { get; set; } = "[]";

    /// <summary>The first good rows: a JSON array, for the preview.</summary>
    public string PreviewJson { get; set; } = "[]";

    /// <summary>SHA-256 of the uploaded file, hex.</summary>
    public required string ContentHash { get; set; }
    public Guid? CreatedById { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
}

internal sealed class DatasetMapping : IEntityTypeConfiguration<Dataset>
{
    public void Configure(EntityTypeBuilder<Dataset> builder)
    {
        builder.Property(d => d.Name).HasMaxLength(80);
        builder.Property(d => d.PlatformId).HasMaxLength(80);
        builder.Property(d => d.FileName).HasMaxLength(260);
        builder.Property(d => d.Format).HasMaxLength(40);
        builder.Property(d => d.ContentHash).HasMaxLength(64);
        builder.HasIndex(d => new { d.ProjectId, d.Name }).IsUnique();
        builder.HasOne(d => d.Project).WithMany().HasForeignKey(d => d.ProjectId).OnDelete(DeleteBehavior.Cascade);
        builder.HasOne(d => d.Connection).WithMany().HasForeignKey(d => d.ConnectionId).OnDelete(DeleteBehavior.Restrict);
    }
}
