using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Tests;

/// <summary>A customer's 200 questions with their answers, and each question in other words.</summary>
internal static class Rows
{
    /// <summary>The file that a model learns.</summary>
    public static string File { get; } = At("rows-200.jsonl");

    /// <summary>Questions and answers to learn.</summary>
    public static IReadOnlyList<(string Question, string Answer)> Learnt { get; } = Read(File);

    /// <summary>The same answers, in the same order, to questions that no model learns. They were written before the shipped model was trained, and are left as they are.</summary>
    public static IReadOnlyList<(string Question, string Answer)> Paraphrased { get; } = Read(At("paraphrases-200.jsonl"));

    private static string At(string name) => Path.Combine(AppContext.BaseDirectory, "Data", name);

    private static List<(string, string)> Read(string path) =>
        [.. System.IO.File.ReadLines(path).Select(WorkerLine.ReadRow).Select(row => (row.Messages[0].Content, row.Messages[1].Content))];
}
